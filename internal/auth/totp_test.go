package auth_test

import (
	"bytes"
	"image/png"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"punctual/internal/auth"
)

// TestTOTPOfTheStandard has the times of RFC 6238, appendix B, with the last six of its eight digits.
func TestTOTPOfTheStandard(t *testing.T) {
	secret := []byte("12345678901234567890")
	for unix, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037",
		20000000000: "353130",
	} {
		now := time.Unix(unix, 0)
		for name, tt := range map[string]struct {
			at   time.Time
			code string
			ok   bool
		}{
			"now":                     {now, code, true},
			"with spaces":             {now, " " + code[:3] + "\u00a0" + code[3:] + "\n", true},
			"a clock 30 s ahead":      {now.Add(-30 * time.Second), code, true},
			"a clock 30 s behind":     {now.Add(30 * time.Second), code, true},
			"a clock a minute ahead":  {now.Add(-time.Minute), code, false},
			"a clock a minute behind": {now.Add(time.Minute), code, false},
			"no code":                 {now, "", false},
			"more digits":             {now, code + "0", false},
			"fewer digits":            {now, code[:5], false},
			"a long text":             {now, code + strings.Repeat(" ", 64), false},
		} {
			if tt.at.Unix() < 0 {
				continue
			}
			step, ok := auth.VerifyTOTP(secret, tt.code, tt.at)
			if ok != tt.ok || ok && step != unix/30 {
				t.Errorf("%d, %s: step %d, %v", unix, name, step, ok)
			}
		}
	}
}

// TestNewTOTP reads what is made as an authenticator app does.
func TestNewTOTP(t *testing.T) {
	for _, tt := range []struct{ service, email, shown string }{
		{"Punctual", "jane@example.com", "jane@example.com"},
		{"cron.example.com:8080", "jane+cron@example.com", "jane+cron@example.com"},
		{"Punctual", strings.Repeat("x", 242) + "@example.com", strings.Repeat("x", 242) + "@example.com"},
		{"Punctual", `"a:b"@example.com`, `"a b"@example.com`},
	} {
		made, err := auth.NewTOTP(tt.service, tt.email)
		if err != nil {
			t.Fatal(err)
		}
		key, err := otp.NewKeyFromURL(made.URL)
		if err != nil {
			t.Fatal(err)
		}
		if key.Issuer() != strings.ReplaceAll(tt.service, ":", " ") || key.AccountName() != tt.shown || key.Period() != 30 ||
			key.Digits() != otp.DigitsSix || key.Algorithm() != otp.AlgorithmSHA1 {
			t.Errorf("the app reads %s", made.URL)
		}
		now := time.Unix(1893456000, 0)
		code, err := totp.GenerateCode(strings.ReplaceAll(made.Text, " ", ""), now)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := auth.VerifyTOTP(made.Secret, code, now); !ok || len(made.Secret) != 20 || key.Secret() != strings.ReplaceAll(made.Text, " ", "") {
			t.Errorf("the app's code for %s is refused", made.URL)
		}
		again, err := auth.TOTPOf(made.Secret, tt.service, tt.email)
		if err != nil || again.URL != made.URL || !bytes.Equal(again.PNG, made.PNG) {
			t.Errorf("the same secret gives %s, %v", again.URL, err)
		}
		picture, err := png.Decode(bytes.NewReader(made.PNG))
		if err != nil {
			t.Fatal(err)
		}
		dark := 0
		for y := range picture.Bounds().Dy() {
			for x := range picture.Bounds().Dx() {
				if r, _, _, _ := picture.At(x, y).RGBA(); r == 0 {
					dark++
					if x < 32 || y < 32 || x >= picture.Bounds().Dx()-32 || y >= picture.Bounds().Dy()-32 {
						t.Fatalf("the margin is dark at %d, %d", x, y)
					}
				}
			}
		}
		if part := float64(dark) / (288 * 288); part < 0.3 || part > 0.6 {
			t.Errorf("%f of the code is dark", part)
		}
	}
	one, _ := auth.NewTOTP("Punctual", "jane@example.com")
	two, _ := auth.NewTOTP("Punctual", "jane@example.com")
	if bytes.Equal(one.Secret, two.Secret) {
		t.Error("two secrets are the same")
	}
	if u, err := url.Parse(one.URL); err != nil || u.Scheme != "otpauth" {
		t.Errorf("the URL is %s", one.URL)
	}
}
