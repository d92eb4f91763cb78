package service_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

func TestSignIn(t *testing.T) {
	w := newWorld(t, nil)
	p := w.person("jane@example.com", cron.RoleEditor)
	in, err := w.SignIn(t.Context(), client("192.0.2.1"), "JANE@example.com", good)
	w.ok(err)
	a := w.actor(in.Token)
	if a.Person.ID != p.ID || a.Account.ID != w.account.ID || a.Role != cron.RoleEditor || a.Session.Way != cron.WayPassword ||
		a.Session.Address != "192.0.2.1" || a.Session.UserAgent != "browser" || in.Second {
		t.Errorf("%+v, %+v", a, a.Session)
	}
	w.ok(w.SignOut(t.Context(), a))
	w.signedOut(in.Token)
	if got := w.log(); !slices.Equal(got, []string{"sign-in | jane@example.com | jane@example.com", "session.end | jane@example.com | "}) {
		t.Errorf("the log is %q", got)
	}
}

// TestNothingTellsWhichPeopleExist signs in wrongly with known and unknown addresses, and compares what comes of it.
func TestNothingTellsWhichPeopleExist(t *testing.T) {
	const window = 15 * time.Minute // of the limits; a new one may begin at any moment
	for {
		begun := time.Now().Truncate(window)
		answers := answersToGuesses(t)
		if !time.Now().Truncate(window).Equal(begun) {
			continue
		}
		jane := answers["jane@example.com"]
		for email, got := range answers {
			if !slices.Equal(got, jane) {
				t.Errorf("%q is answered\n%q\nand jane\n%q", email, got, jane)
			}
		}
		if !strings.Contains(jane[9], "unauthorized") || !strings.Contains(jane[10], "too many") {
			t.Errorf("the answers are %q", jane)
		}
		return
	}
}

// answersToGuesses are those to more sign-ins than are allowed, by the address that they are for.
func answersToGuesses(t *testing.T) map[string][]string {
	w := newWorld(t, nil)
	w.person("jane@example.com", cron.RoleOwner)
	off := w.person("off@example.com", cron.RoleNone)
	w.ok(w.db.UpdatePerson(t.Context(), off.ID, func(p *cron.Person) error { p.Disabled = true; return nil }))
	passwordless := cron.Person{Email: "key@example.com"}
	w.ok(w.db.CreatePerson(t.Context(), &passwordless))
	answers := map[string][]string{}
	for i, email := range []string{"jane@example.com", "off@example.com", "key@example.com", "nobody@example.com", "no address", ""} {
		for range 12 {
			password := "wrong " + good
			if email == "off@example.com" {
				password = good
			}
			_, err := w.SignIn(t.Context(), client(fmt.Sprintf("192.0.2.%d", i)), email, password)
			e := err.(*cron.Error)
			answers[email] = append(answers[email], fmt.Sprint(e.Kind, e.Subject, e.Problems, e.RetryAfter > 0, e.RetryAfter > 15*time.Minute))
		}
	}
	return answers
}

// TestGuessesAtTheSameTime has more guesses in progress than are allowed: none slips through before the others fail.
func TestGuessesAtTheSameTime(t *testing.T) {
	w := newWorld(t, nil)
	w.person("jane@example.com", cron.RoleOwner)
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		got = map[cron.ErrorKind]int{}
	)
	for range 30 {
		wg.Go(func() {
			_, err := w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", "wrong "+good)
			mu.Lock()
			defer mu.Unlock()
			got[cron.KindOf(err)]++
		})
	}
	wg.Wait()
	if got[cron.Unauthorized] != 10 || got[cron.TooMany] != 20 {
		t.Errorf("the guesses ended as %v", got)
	}
	_, err := w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", good)
	w.fails(err, cron.TooMany, cron.RuleGuesses)
	// From elsewhere, the person is not locked out.
	_, err = w.SignIn(t.Context(), client("198.51.100.1"), "jane@example.com", good)
	w.ok(err)
}

// TestGuessLimits guesses within a /64 and elsewhere, and waits.
func TestGuessLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.person("jane@example.com", cron.RoleOwner)
		guess := func(address, email string) error {
			_, err := w.SignIn(t.Context(), client(address), email, "wrong "+good)
			return err
		}
		for i := range 20 { // of all people together
			w.fails(guess(fmt.Sprintf("2001:db8::%x", i+1), fmt.Sprintf("%d@example.com", i)), cron.Unauthorized, cron.RuleSignIn)
		}
		w.fails(guess("2001:db8::ffff", "other@example.com"), cron.TooMany, cron.RuleGuesses)
		w.fails(guess("2001:db8:0:1::1", "other@example.com"), cron.Unauthorized, cron.RuleSignIn)
		for i := range 50 { // of one person from everywhere
			w.fails(guess(fmt.Sprintf("198.51.100.%d", i), "jane@example.com"), cron.Unauthorized, cron.RuleSignIn)
		}
		w.fails(guess("198.51.100.77", "jane@example.com"), cron.TooMany, cron.RuleGuesses)
		time.Sleep(time.Hour)
		_, err := w.SignIn(t.Context(), client("198.51.100.77"), "jane@example.com", good)
		w.ok(err)
	})
}

// TestOneMachineIsOneNetwork compares what is counted for addresses.
func TestOneMachineIsOneNetwork(t *testing.T) {
	svc := newWorld(t, nil).Service
	subjects := func(address, email string) (all []int64) {
		for _, l := range service.PasswordLimits(svc, netip.MustParseAddr(address), email) {
			all = append(all, l.Subject)
		}
		return all // site, network, e-mail, pair, network
	}
	const email = "jane@example.com"
	base := subjects("2001:db8::1", email)
	for _, tt := range []struct {
		address, email string
		same           []bool
	}{
		{"2001:db8::ffff:0:0:1", email, []bool{true, true, true, true, true}},
		{"2001:db8:0:1::1", email, []bool{true, false, true, false, false}},
		{"2001:db8:1::1", email, []bool{false, false, true, false, false}},
		{"2001:db8::1", "bob@example.com", []bool{true, true, false, false, true}},
	} {
		for i, subject := range subjects(tt.address, tt.email) {
			if (subject == base[i]) != tt.same[i] {
				t.Errorf("%s, %s: limit %d counts the same: %v", tt.address, tt.email, i, !tt.same[i])
			}
		}
	}
	if !slices.Equal(subjects("192.0.2.1", email), subjects("::ffff:192.0.2.1", email)) || subjects("192.0.2.1", email)[0] == subjects("192.0.2.2", email)[0] {
		t.Error("addresses of IPv4 are not counted one by one")
	}
}

// TestGoodSignInsAreNotCounted signs in more often than one may guess.
func TestGoodSignInsAreNotCounted(t *testing.T) {
	w := newWorld(t, nil)
	w.person("jane@example.com", cron.RoleOwner)
	for range 25 {
		_, err := w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", good)
		w.ok(err)
	}
}

// TestOneFillsTheLog has a viewer change the own name, and sign in, as often as possible: the log has so much of it in an hour.
// Others and other changes go on.
func TestOneFillsTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		owner := w.member("jane@example.com", cron.RoleOwner)
		a := w.member("bob@example.com", cron.RoleViewer)
		change := func(i int) error {
			name := fmt.Sprint(i)
			_, err := w.ChangeProfile(t.Context(), a, service.ProfileChange{Name: &name})
			return err
		}
		for i := range 299 { // and one sign-in
			w.ok(change(i))
		}
		w.fails(change(299), cron.TooMany, cron.RuleNone)
		_, err := w.SignIn(t.Context(), client("192.0.2.1"), "bob@example.com", good)
		w.fails(err, cron.TooMany, cron.RuleNone)
		w.ok(w.EndOtherSessions(t.Context(), owner))
		if n := len(w.log()); n != 302 {
			t.Errorf("%d entries", n)
		}
		time.Sleep(time.Hour)
		w.ok(change(300))
	})
}

// TestFailuresAreInTheLog fails to sign in: known people's failures are in the log, once for each network.
func TestFailuresAreInTheLog(t *testing.T) {
	w := newWorld(t, nil)
	w.person("jane@example.com", cron.RoleOwner)
	for _, address := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.2"} {
		for _, email := range []string{"jane@example.com", "nobody@example.com"} {
			_, err := w.SignIn(t.Context(), client(address), email, "wrong")
			w.fails(err, cron.Unauthorized, cron.RuleSignIn)
		}
	}
	w.FinishBackground(t.Context())
	want := "sign-in.failed | the service | jane@example.com"
	if got := w.log(); !slices.Equal(got, []string{want, want}) {
		t.Errorf("the log is %q", got)
	}
}

// enableApp gives a person an authenticator app, and returns what makes its codes, and recovery codes.
func (w *world) enableApp(a cron.Actor) (code func(time.Time) string, recovery []string) {
	w.Helper()
	setup, err := w.BeginTOTP(w.Context(), a)
	w.ok(err)
	again, err := w.TOTPSetup(w.Context(), a, setup.State)
	w.ok(err)
	if again.Secret != setup.Secret || len(again.QR) == 0 {
		w.Errorf("the set-up is another when it is shown again: %+v", again)
	}
	code = func(at time.Time) string { return codeOf(w.T, setup.Secret, at) }
	_, err = w.EnableTOTP(w.Context(), a, setup.State, "000000")
	w.fails(err, cron.Invalid, cron.RuleCode)
	recovery, err = w.EnableTOTP(w.Context(), a, setup.State, code(w.db.Now()))
	w.ok(err)
	return code, recovery
}

func TestSecondFactor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		a := w.member("jane@example.com", cron.RoleOwner)
		code, recovery := w.enableApp(a)
		if m := w.oneMail("jane@example.com"); !strings.Contains(m.Text, "authenticator app") {
			t.Errorf("the mail is %+v", m)
		}
		used := code(w.db.Now())
		half, err := w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", good)
		w.ok(err)
		if !half.Second {
			t.Fatal("no second factor is asked for")
		}
		halfway := w.actor(half.Token)
		_, err = w.Profile(t.Context(), halfway)
		w.fails(err, cron.Forbidden, cron.RuleSecondFactor)
		_, _, err = w.SecondFactor(t.Context(), halfway, used) // by EnableTOTP
		w.fails(err, cron.Unauthorized, cron.RuleCodeUsed)
		_, _, err = w.SecondFactor(t.Context(), halfway, "123 456")
		w.fails(err, cron.Unauthorized, cron.RuleCode)
		time.Sleep(30 * time.Second)
		_, _, err = w.SecondFactor(t.Context(), halfway, code(w.db.Now().Add(-30*time.Second)))
		w.fails(err, cron.Unauthorized, cron.RuleCodeUsed)
		in, left, err := w.SecondFactor(t.Context(), halfway, code(w.db.Now().Add(30*time.Second))) // a clock that is fast
		w.ok(err)
		if in.Second || left != -1 || in.Token == half.Token {
			t.Errorf("%+v, %d", in, left)
		}
		w.signedOut(half.Token)
		_, err = w.Profile(t.Context(), w.actor(in.Token))
		w.ok(err)
		_, _, err = w.SecondFactor(t.Context(), w.actor(in.Token), "1")
		w.fails(err, cron.Forbidden, cron.RuleNone)

		for i, text := range []string{strings.ToLower(recovery[0]), recovery[1]} {
			half, err := w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", good)
			w.ok(err)
			_, left, err = w.SecondFactor(t.Context(), w.actor(half.Token), text)
			w.ok(err)
			if left != len(recovery)-1-i {
				t.Errorf("%d recovery codes are left", left)
			}
		}
		half, err = w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", good)
		w.ok(err)
		_, _, err = w.SecondFactor(t.Context(), w.actor(half.Token), recovery[0])
		w.fails(err, cron.Unauthorized, cron.RuleCodeUsed)
		renewed, err := w.NewRecoveryCodes(t.Context(), w.actor(in.Token))
		w.ok(err)
		_, _, err = w.SecondFactor(t.Context(), w.actor(half.Token), recovery[2])
		w.fails(err, cron.Unauthorized, cron.RuleCode)
		_, _, err = w.SecondFactor(t.Context(), w.actor(half.Token), renewed[2])
		w.ok(err)
		w.ok(w.DisableTOTP(t.Context(), w.actor(in.Token)))
		plain, err := w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", good)
		w.ok(err)
		if plain.Second {
			t.Error("the second factor is asked for after it was taken off")
		}
	})
}

// TestCodesAreLimited guesses codes at the same time, and then has the right one refused.
func TestCodesAreLimited(t *testing.T) {
	w := newWorld(t, nil)
	_, recovery := w.enableApp(w.member("jane@example.com", cron.RoleOwner))
	half, err := w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", good)
	w.ok(err)
	halfway := w.actor(half.Token)
	var wg sync.WaitGroup
	kinds := make([]cron.ErrorKind, 25)
	for i := range kinds {
		wg.Go(func() {
			_, _, err := w.SecondFactor(t.Context(), halfway, fmt.Sprintf("%06d", 999_000+i))
			kinds[i] = cron.KindOf(err)
		})
	}
	wg.Wait()
	wrong := 0
	for _, k := range kinds {
		if k == cron.Unauthorized {
			wrong++
		}
	}
	if wrong != 10 {
		t.Errorf("the guesses ended as %v", kinds)
	}
	_, _, err = w.SecondFactor(t.Context(), halfway, recovery[0])
	w.fails(err, cron.TooMany, cron.RuleGuesses)
}

// TestHalfASessionEndsSoon waits before giving the second factor.
func TestHalfASessionEndsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.enableApp(w.member("jane@example.com", cron.RoleOwner))
		half, err := w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", good)
		w.ok(err)
		time.Sleep(10 * time.Minute)
		w.signedOut(half.Token)
	})
}

func TestSignInForTheAPI(t *testing.T) {
	w := newWorld(t, nil)
	a := w.member("jane@example.com", cron.RoleOwner)
	program := client("192.0.2.1")
	program.Console = false
	in, err := w.SignInWithCode(t.Context(), program, "jane@example.com", good, "")
	w.ok(err)
	w.signedOut(in.Token) // it is no cookie
	bearer, err := w.auth.Authenticate(t.Context(), w.db.Now(), "Bearer "+in.Token, program.Address)
	w.ok(err)
	if bearer.Way != cron.WayAPI || in.Session.Expires.Sub(in.Session.Created) != 24*time.Hour {
		t.Errorf("%+v", bearer.Session)
	}
	_, recovery := w.enableApp(a)
	_, err = w.SignInWithCode(t.Context(), program, "jane@example.com", good, "")
	w.fails(err, cron.Unauthorized, cron.RuleSecondFactor)
	_, err = w.SignInWithCode(t.Context(), program, "jane@example.com", good, "000000")
	w.fails(err, cron.Unauthorized, cron.RuleCode)
	_, err = w.SignInWithCode(t.Context(), program, "jane@example.com", "wrong", recovery[0])
	w.fails(err, cron.Unauthorized, cron.RuleSignIn)
	_, err = w.SignInWithCode(t.Context(), program, "jane@example.com", good, recovery[0])
	w.ok(err)
}

// TestConfirm makes a session fresh, which gives it another token.
func TestConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.person("jane@example.com", cron.RoleOwner)
		in, err := w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", good)
		w.ok(err)
		time.Sleep(cron.FreshFor)
		stale := w.actor(in.Token)
		_, err = w.BeginTOTP(t.Context(), stale)
		w.fails(err, cron.Forbidden, cron.RuleFresh)
		_, err = w.Confirm(t.Context(), stale, service.Proof{Password: "wrong"})
		w.fails(err, cron.Unauthorized, cron.RuleSignIn)
		again, err := w.Confirm(t.Context(), stale, service.Proof{Password: good})
		w.ok(err)
		w.signedOut(in.Token)
		fresh := w.actor(again.Token)
		if fresh.Session.ID != stale.Session.ID {
			t.Error("it is another session")
		}
		// Whoever has the former token cannot have the session renewed a second time.
		_, err = w.Confirm(t.Context(), stale, service.Proof{Password: good})
		w.fails(err, cron.Unauthorized, cron.RuleNone)

		code, _ := w.enableApp(fresh)
		time.Sleep(cron.FreshFor)
		stale = w.actor(again.Token)
		_, err = w.Confirm(t.Context(), stale, service.Proof{Password: good})
		w.fails(err, cron.Unauthorized, cron.RuleCode)
		_, err = w.Confirm(t.Context(), stale, service.Proof{Password: good, Code: code(w.db.Now())})
		w.ok(err)
	})
}

// TestSessions lists and ends sessions, of oneself only.
func TestSessions(t *testing.T) {
	w := newWorld(t, nil)
	first, second := w.member("jane@example.com", cron.RoleOwner), w.signedIn("jane@example.com")
	other := w.member("bob@example.com", cron.RoleOwner)
	list, err := w.Sessions(t.Context(), first)
	w.ok(err)
	if len(list) != 2 {
		t.Errorf("%d sessions", len(list))
	}
	w.fails(w.EndSession(t.Context(), other, first.Session.ID), cron.NotFound, cron.RuleNone)
	w.ok(w.EndSession(t.Context(), first, second.Session.ID))
	w.signedIn("jane@example.com")
	w.ok(w.EndOtherSessions(t.Context(), first))
	if list, err = w.Sessions(t.Context(), first); err != nil || len(list) != 1 || list[0].ID != first.Session.ID {
		t.Errorf("the sessions are %+v, %v", list, err)
	}
	if list, err = w.Sessions(t.Context(), other); err != nil || len(list) != 1 {
		t.Errorf("the sessions of somebody else are %+v, %v", list, err)
	}
}

// TestSessionsEnd uses a session often enough, and another one too seldom.
func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *service.Config) {
			c.Lifetimes = service.SessionLifetimes{Idle: 24 * time.Hour, Total: 72 * time.Hour}
		})
		w.person("jane@example.com", cron.RoleOwner)
		used, err := w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", good)
		w.ok(err)
		unused, err := w.SignIn(t.Context(), client("192.0.2.1"), "jane@example.com", good)
		w.ok(err)
		for range 3 {
			time.Sleep(20 * time.Hour)
			a := w.actor(used.Token)
			w.ok(w.SessionUsed(t.Context(), w.db.Now(), a))
			_, err = w.Profile(t.Context(), a)
			w.ok(err)
		}
		for range 2 { // to use it now does not bring it back
			a := w.actor(unused.Token)
			w.fails(w.SessionUsed(t.Context(), w.db.Now(), a), cron.Unauthorized, cron.RuleNone)
			_, err = w.Profile(t.Context(), a)
			w.fails(err, cron.Unauthorized, cron.RuleNone)
		}
		time.Sleep(12 * time.Hour)
		w.signedOut(used.Token)
	})
}

func TestSwitchAccount(t *testing.T) {
	w := newWorld(t, nil)
	a := w.member("jane@example.com", cron.RoleOwner)
	second := cron.Account{Email: "second@example.com", Plan: cron.PlanDefault}
	w.ok(w.db.CreateAccount(t.Context(), &second))
	w.fails(w.SwitchAccount(t.Context(), a, second.ID), cron.NotFound, cron.RuleNone)
	w.fails(w.SwitchAccount(t.Context(), a, 4711), cron.NotFound, cron.RuleNone)
	w.ok(w.db.SetMembership(t.Context(), cron.Membership{AccountID: second.ID, PersonID: a.Person.ID, Role: cron.RoleViewer}))
	w.ok(w.SwitchAccount(t.Context(), a, second.ID))
	list, err := w.Sessions(t.Context(), a)
	w.ok(err)
	if list[0].AccountID != second.ID {
		t.Errorf("the session looks at %d", list[0].AccountID)
	}
}
