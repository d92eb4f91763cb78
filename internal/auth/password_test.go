package auth_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

var (
	somewhere = netip.MustParseAddr("192.0.2.7")
	nowhere   netip.Addr
)

func TestPassword(t *testing.T) {
	p := auth.NewPasswords()
	const password = "Grünes Moor, 7 Störche"
	phc, err := p.Hash(t.Context(), somewhere, password)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`).MatchString(phc) {
		t.Errorf("the hash is %s", phc)
	}
	if again, _ := p.Hash(t.Context(), nowhere, password); again == phc {
		t.Error("two hashes of a password are the same")
	}
	long := strings.Repeat("x", auth.MaxPassword)
	longPHC, _ := p.Hash(t.Context(), somewhere, long)
	// The reference implementation's command line: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1.
	const other = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for name, tt := range map[string]struct {
		phc, password string
		ok, stale     bool
	}{
		"the password":             {phc, password, true, false},
		"composed by the keyboard": {phc, "Gru\u0308nes Moor, 7 Sto\u0308rche", true, false},
		"another":                  {phc, "Grünes Moor, 7 Störche ", false, false},
		"in capitals":              {phc, strings.ToUpper(password), false, false},
		"empty":                    {phc, "", false, false},
		"a stale hash":             {other, "password", true, true},
		"a stale hash, wrong":      {other, "passwort", false, false},
		"nobody":                   {"", password, false, false},
		"nobody, empty":            {"", "", false, false},
		"the longest":              {longPHC, long, true, false},
		"beyond the longest":       {longPHC, long + "x", false, false},
		"not a hash":               {"secret", "secret", false, false},
		"hash with more behind it": {phc + "A", password, false, false},
		"cost with more behind it": {strings.Replace(phc, "p=1$", "p=1,x=2$", 1), password, false, false},
		"argon2i":                  {strings.Replace(phc, "argon2id", "argon2i", 1), password, false, false},
		"no pass":                  {strings.Replace(phc, "t=2", "t=0", 1), password, false, false},
		"no lane":                  {strings.Replace(phc, "p=1", "p=0", 1), password, false, false},
		"memory of a whole server": {strings.Replace(phc, "m=19456", "m=4294967295", 1), password, false, false},
		"no hash":                  {phc[:strings.LastIndex(phc, "$")+1], password, false, false},
	} {
		ok, stale, err := p.Check(t.Context(), somewhere, tt.phc, tt.password)
		if ok != tt.ok || stale != tt.stale || err != nil {
			t.Errorf("%s: ok %v, stale %v, error %v", name, ok, stale, err)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	const email = "Jane.Doe@example.com"
	for password, rule := range map[string]cron.Rule{
		"four words in a row":                     cron.RuleNone,
		"tr0ub4dor&3x":                            cron.RuleNone,
		"ßßß 漢字 ok 12":                            cron.RuleNone,
		"8461037592":                              cron.RuleNone,
		"janitors doe well":                       cron.RuleNone,
		"monkey business at noon":                 cron.RuleNone,
		strings.Repeat("abcdefgh1.3 ", 86)[:1024]: cron.RuleNone,
		"":                              cron.RulePasswordShort,
		"kXr7!pQ9z":                     cron.RulePasswordShort,
		"äöüäöüäöü":                     cron.RulePasswordShort, // 18 bytes
		strings.Repeat("kXr7!pQ9", 129): cron.RulePasswordLong,
		"kXr7!pQ9z\xff\xfe":             cron.RuleNotText,
		"jane.doe@example.com":          cron.RulePasswordEmail,
		"JANE.DOE@EXAMPLE.COM!":         cron.RulePasswordEmail,
		"jane.doe1984":                  cron.RulePasswordEmail,
		"!!example.com":                 cron.RulePasswordEmail,
		"qwertyuiop":                    cron.RulePasswordCommon,
		"QwertyUiop":                    cron.RulePasswordCommon,
		"Password123":                   cron.RulePasswordCommon,
		"P@ssw0rd2026!":                 cron.RulePasswordCommon,
		"123password":                   cron.RulePasswordCommon,
		"2026-Dragon!":                  cron.RulePasswordCommon,
		"monkeymonkey":                  cron.RulePasswordCommon,
		"MonkeyMonkey99":                cron.RulePasswordCommon,
		"ａｄｍｉｎｉｓｔｒａｔｏｒ": cron.RulePasswordCommon, // full width
		"1234567890":                cron.RulePasswordCommon,
		"9876543210":                cron.RulePasswordCommon,
		"abcdefghijkl":              cron.RulePasswordCommon,
		"aaaaaaaaaaaa":              cron.RulePasswordCommon,
		"abababababab":              cron.RulePasswordCommon,
		"2468246824682468":          cron.RulePasswordCommon,
		"correcthorsebatterystaple": cron.RulePasswordCommon,
	} {
		err := auth.CheckPasswordRules(password, email)
		if rule == cron.RuleNone {
			if err != nil {
				t.Errorf("%q is refused: %v", password, err)
			}
			continue
		}
		if e, ok := err.(*cron.Error); !ok || e.Kind != cron.Invalid || len(e.Problems) != 1 || e.Problems[0].Rule != rule ||
			e.Problems[0].Pointer != "/password" || e.Problems[0].Given != "" {
			t.Errorf("%q: %v, want rule %d", password, err, rule)
		}
	}
	if err := auth.CheckPasswordRules("four words in a row", ""); err != nil {
		t.Errorf("without an e-mail: %v", err)
	}
}

// BenchmarkCheckPassword is the work of a sign-in: checking one password.
func BenchmarkCheckPassword(b *testing.B) {
	p := auth.NewPasswords()
	hash, err := p.Hash(b.Context(), netip.Addr{}, "correct horse battery")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ok, _, err := p.Check(b.Context(), netip.Addr{}, hash, "correct horse battery"); err != nil || !ok {
			b.Fatalf("the password is accepted: %v, %v", ok, err)
		}
	}
}
