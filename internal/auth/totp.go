package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"
	"time"
	"unicode"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
	"golang.org/x/text/unicode/norm"
)

const (
	totpPeriod = 30 // seconds of a step
	totpSkew   = 1  // steps by which a clock may be wrong
	totpSecret = 20 // bytes
	totpDigits = 6
)

// TOTP is what an authenticator app needs to make codes by RFC 6238: six digits every 30 seconds, with SHA-1, which is all
// that every app can do.
type TOTP struct {
	Secret []byte
	Text   string // the secret in Base32, in groups of four, to type by hand
	URL    string // otpauth://…
	PNG    []byte // the URL as a QR code with its margin
}

// NewTOTP makes a secret for a person. An app shows the name of the service and the person's e-mail address beside codes.
func NewTOTP(service, email string) (TOTP, error) {
	secret := make([]byte, totpSecret)
	rand.Read(secret) // never fails: it ends the program when the system has no randomness
	return TOTPOf(secret, service, email)
}

// TOTPOf is NewTOTP for a secret that was made before, so that a page can be shown again.
func TOTPOf(secret []byte, service, email string) (TOTP, error) {
	label := func(text string) string { return strings.ReplaceAll(text, ":", " ") } // a colon parts the two
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: label(service), AccountName: label(email), Period: totpPeriod, Secret: secret, Digits: totpDigits,
	})
	if err != nil {
		return TOTP{}, fmt.Errorf("make the key of an authenticator app: %w", err)
	}
	code, err := key.Image(288, 288)
	if err != nil {
		return TOTP{}, fmt.Errorf("draw the QR code of an authenticator app: %w", err)
	}
	picture, err := withMargin(code)
	if err != nil {
		return TOTP{}, err
	}
	return TOTP{Secret: secret, Text: groups(key.Secret(), 4, " "), URL: key.URL(), PNG: picture}, nil
}

// withMargin encodes a QR code as PNG, on the white ground that readers need around it.
func withMargin(code image.Image) ([]byte, error) {
	const margin = 32
	size := code.Bounds().Size()
	whole := image.NewPaletted(image.Rect(0, 0, size.X+2*margin, size.Y+2*margin), color.Palette{color.White, color.Black})
	draw.Draw(whole, image.Rectangle{Max: size}.Add(image.Pt(margin, margin)), code, code.Bounds().Min, draw.Src)
	var out bytes.Buffer
	if err := png.Encode(&out, whole); err != nil {
		return nil, fmt.Errorf("encode the QR code of an authenticator app: %w", err)
	}
	return out.Bytes(), nil
}

// VerifyTOTP tells whether a code is that of a secret now, or one step of 30 seconds before or after, and of which step. A
// code works once: the caller refuses a step that is not after the last one that it took. Spaces in the code do not matter.
func VerifyTOTP(secret []byte, code string, now time.Time) (step int64, ok bool) {
	given := digits(code)
	key := base32.StdEncoding.EncodeToString(secret)
	current := now.Unix() / totpPeriod
	for at := max(current-totpSkew, 0); at <= current+totpSkew; at++ {
		want, err := hotp.GenerateCode(key, uint64(at))
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(given)) == 1 {
			step, ok = at, true // go on, so that it takes the same time
		}
	}
	return step, ok
}

// digits are the six digits of a code, or what is no code.
func digits(code string) string {
	if len(code) > 64 {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, norm.NFKC.String(code))
}

// groups parts a text into groups of n bytes.
func groups(text string, n int, between string) string {
	var b strings.Builder
	for i := 0; i < len(text); i += n {
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(text[i:min(i+n, len(text))])
	}
	return b.String()
}
