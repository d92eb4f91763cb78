package auth

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"punctual/internal/cron"
)

// Limits on passwords.
const (
	MinPassword = 10   // characters
	MaxPassword = 1024 // bytes
)

// commonWords are the commonest passwords, and the words that they are made of, in lower case.
//
//go:embed common_passwords.txt
var commonWords string

var commonPasswords = sync.OnceValue(func() map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(commonWords) {
		set[word] = true
	}
	return set
})

// CheckPasswordRules tells what is wrong with a new password of a person, as an *Error of kind Invalid about /password. A
// password has 10 characters to 1024 bytes. It is not the person's e-mail address nor a part of that, and not what is
// guessed first: a common password, one with a few digits or signs around it, a sequence or a repetition.
func CheckPasswordRules(password, email string) error {
	var c cron.Checker
	switch {
	case !utf8.ValidString(password):
		c.Add("/password", cron.Problem{Rule: cron.RuleNotText})
	case len(password) > MaxPassword:
		c.Add("/password", cron.Problem{Rule: cron.RulePasswordLong, Limit: MaxPassword})
	case utf8.RuneCountInString(password) < MinPassword:
		c.Add("/password", cron.Problem{Rule: cron.RulePasswordShort, Limit: MinPassword})
	case isOfEmail(password, email):
		c.Add("/password", cron.Problem{Rule: cron.RulePasswordEmail})
	case isCommon(password):
		c.Add("/password", cron.Problem{Rule: cron.RulePasswordCommon})
	}
	return c.Err()
}

// isOfEmail tells whether a password is an e-mail address or a side of it, with a few digits or signs around it.
func isOfEmail(password, email string) bool {
	local, domain, _ := strings.Cut(folded(email), "@")
	password = folded(password)
	for _, part := range []string{folded(email), local, domain} {
		if at := strings.Index(password, part); part != "" && at >= 0 && len(password)-len(part) <= maxAround {
			return !strings.ContainsFunc(password[:at]+password[at+len(part):], unicode.IsLetter)
		}
	}
	return false
}

// maxAround is how many bytes around a common word do not make it uncommon: a year and a few signs.
const maxAround = 8

func isCommon(password string) bool {
	text := folded(password)
	word := strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	return isCommonWord(text) || word != "" && len(text)-len(word) <= maxAround && isCommonWord(word) || isSequence(text)
}

// isCommonWord tells whether a text is a common password, or a repetition of one or of up to four characters.
func isCommonWord(text string) bool {
	block := text[:period(text)]
	return commonPasswords()[text] || commonPasswords()[block] || block != text && len(block) <= 4
}

// period is the length of the shortest text that, repeated, makes up the whole.
func period(text string) int {
	for n := 1; n <= len(text)/2; n++ {
		if len(text)%n == 0 && strings.Repeat(text[:n], len(text)/n) == text {
			return n
		}
	}
	return len(text)
}

// isSequence tells whether all characters but two follow the one before them, upwards or downwards, or repeat it.
func isSequence(text string) bool {
	var steps [3]int // by -1, 0, +1
	runes := []rune(text)
	for i, r := range runes[1:] {
		if step := r - runes[i]; step >= -1 && step <= 1 {
			steps[step+1]++
		}
	}
	return max(steps[0], steps[1], steps[2])+3 >= len(runes)
}

// folded is a text as it is compared: in one Unicode form and in lower case.
func folded(text string) string {
	return strings.ToLower(norm.NFKC.String(text))
}
