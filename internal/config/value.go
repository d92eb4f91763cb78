package config

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Expiry is when something expires: after a duration, or at an instant. The zero value means never.
type Expiry struct {
	After time.Duration
	At    time.Time
}

// From is the instant of expiry for something that is created at now; the zero time means never.
func (e Expiry) From(now time.Time) time.Time {
	if e.After > 0 {
		return now.Add(e.After)
	}
	return e.At
}

// Location is where a database is: an SQLite database in a directory, or a PostgreSQL database at a URL.
type Location struct{ Dir, URL string }

func parseLocation(text string) (l Location, err error) {
	if dir, ok := strings.CutPrefix(text, "sqlite:"); ok && dir != "" {
		return Location{Dir: dir}, nil
	}
	if isPostgres(text) {
		return Location{URL: text}, nil
	}
	return l, errors.New("it must be sqlite:DIR or a URL such as postgres://user:password@host:5432/name")
}

// values are the readers of flags and arguments. They refuse empty values, such as that of an unset shell variable, and
// return errors that complete a sentence after the name of the flag.
func values() []kong.Option {
	text := func(read func(string) (any, error)) kong.MapperFunc {
		return func(ctx *kong.DecodeContext, target reflect.Value) error {
			given, err := popValue(ctx)
			if err != nil {
				return err
			}
			v, err := read(given)
			if err != nil {
				return err
			}
			target.Set(reflect.ValueOf(v).Convert(target.Type()))
			return nil
		}
	}
	whole := text(func(s string) (any, error) { return parseWhole(s) })
	return []kong.Option{
		kong.KindMapper(reflect.String, text(func(s string) (any, error) { return s, nil })),
		kong.KindMapper(reflect.Int, whole),
		kong.KindMapper(reflect.Int64, whole),
		kong.KindMapper(reflect.Bool, switchMapper{}),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), text(func(s string) (any, error) { return parseDuration(s) })),
		kong.TypeMapper(reflect.TypeFor[PublicURL](), text(func(s string) (any, error) { return parsePublicURL(s) })),
		kong.TypeMapper(reflect.TypeFor[SMTP](), text(func(s string) (any, error) { return parseSMTP(s) })),
		kong.TypeMapper(reflect.TypeFor[MailFrom](), text(func(s string) (any, error) { return parseMailFrom(s) })),
		kong.TypeMapper(reflect.TypeFor[Location](), text(func(s string) (any, error) { return parseLocation(s) })),
		kong.TypeMapper(reflect.TypeFor[Expiry](), text(func(s string) (any, error) { return parseExpiry(s) })),
		kong.TypeMapper(reflect.TypeFor[[]netip.Prefix](), listMapper(parsePrefix)),
		kong.TypeMapper(reflect.TypeFor[[]netip.Addr](), listMapper(parseAddr)),
		kong.TypeMapper(reflect.TypeFor[[]Host](), listMapper(parseHost)),
		kong.TypeMapper(reflect.TypeFor[EgressProxy](), text(func(s string) (any, error) { return parseEgressProxy(s) })),
		kong.TypeMapper(reflect.TypeFor[[]EgressExcept](), listMapper(parseEgressExcept)),
		kong.TypeMapper(reflect.TypeFor[EgressResolver](), text(func(s string) (any, error) { return parseEgressResolver(s) })),
		kong.TypeMapper(reflect.TypeFor[map[string]int64](), kong.MapperFunc(decodeNumbers)),
	}
}

// popValue reads the value of a flag or argument.
func popValue(ctx *kong.DecodeContext) (string, error) {
	if t := ctx.Scan.Peek(); !t.IsValue() {
		return "", errors.New("a value is missing")
	}
	text, ok := ctx.Scan.Pop().Value.(string)
	if !ok || strings.TrimSpace(text) == "" {
		return "", errors.New("the value is empty; give one, or leave the name off too")
	}
	return text, nil
}

// listMapper reads comma-separated values and appends them to those of earlier flags of the same name.
func listMapper[V any](read func(string) (V, error)) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		text, err := popValue(ctx)
		if err != nil {
			return err
		}
		for item := range strings.SplitSeq(text, ",") {
			v, err := read(strings.TrimSpace(item))
			if err != nil {
				return err
			}
			target.Set(reflect.Append(target, reflect.ValueOf(v)))
		}
		return nil
	}
}

// decodeNumbers reads named numbers such as maxJobs=100;maxKeys=5.
func decodeNumbers(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := popValue(ctx)
	if err != nil {
		return err
	}
	if target.IsNil() {
		target.Set(reflect.ValueOf(map[string]int64{}))
	}
	for item := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == ',' }) {
		name, value, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok {
			return fmt.Errorf("%q is not a name with a number; write it as maxJobs=100", item)
		}
		n, err := parseWhole(value)
		if err != nil {
			return err
		}
		target.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(n))
	}
	return nil
}

// switchMapper reads flags without a value.
type switchMapper struct{}

var _ kong.BoolMapper = switchMapper{}

// IsBool tells kong that the value is optional.
func (switchMapper) IsBool() bool { return true }

// Decode reads an explicit value, as in --read-only=false.
func (switchMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		target.SetBool(true)
		return nil
	}
	text := fmt.Sprint(ctx.Scan.Pop().Value)
	on, err := strconv.ParseBool(text)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", text)
	}
	target.SetBool(on)
	return nil
}

func parseWhole(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number", text)
	}
	return n, nil
}

// parsePrefix reads an address range. A single address is the range of that address.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return prefix, fmt.Errorf("%q is not an address or address range; write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32", text)
		}
		prefix = netip.PrefixFrom(addr.WithZone(""), addr.BitLen())
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}

func parseAddr(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return addr, fmt.Errorf("%q is not an address; write 192.0.2.7 or 2001:db8::7", text)
	}
	return addr, nil
}

var (
	durationText = regexp.MustCompile(`^-?(\d+(\.\d+)?(ms|s|m|h|d|w))+$`)
	durationPart = regexp.MustCompile(`(\d+(?:\.\d+)?)(ms|s|m|h|d|w)`)
	units        = map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
		"d": 24 * time.Hour, "w": 7 * 24 * time.Hour}
)

// parseDuration reads a duration such as 30s, 1h30m, 30d or 2w. Days have 24 hours.
func parseDuration(text string) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	if !durationText.MatchString(text) {
		return 0, fmt.Errorf("%q is not a duration; write a number and a unit, such as 30s, 15m, 12h, 30d or 2w", text)
	}
	var sum float64
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.ParseFloat(part[1], 64) // infinite if out of range
		sum += n * float64(units[part[2]])
	}
	if sum >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is too long; the longest duration is 290 years", text)
	}
	if text[0] == '-' {
		sum = -sum
	}
	return time.Duration(sum), nil
}

// parseExpiry reads a duration from now, a date or an instant.
func parseExpiry(text string) (Expiry, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return Expiry{At: at}, nil
		}
	}
	after, err := parseDuration(text)
	switch {
	case err != nil:
		return Expiry{}, fmt.Errorf("%q is not a duration or a date; write 12h, 30d, 2w, 2030-12-31 or 2030-12-31T23:59:59Z", text)
	case after <= 0:
		return Expiry{}, fmt.Errorf("%q is not in the future", text)
	}
	return Expiry{After: after}, nil
}

// rewordings replace kong's messages about a command line.
var rewordings = []struct {
	pattern *regexp.Regexp
	words   string
}{
	{regexp.MustCompile(`^unknown flag (\S+), did you mean (.+)\?$`), `there is no flag $1 here; did you mean $2?`},
	{regexp.MustCompile(`^unknown flag (\S+)$`), `there is no flag $1 here`},
	{regexp.MustCompile(`^unexpected argument (.+), did you mean (.+)\?$`), `there is no command "$1" here; did you mean $2?`},
	{regexp.MustCompile(`^unexpected argument (.+)$`), `"$1" is not a command or argument that is possible here`},
	{regexp.MustCompile(`^unexpected flag argument (.+)$`), `the value $1 is given to a flag that takes none`},
	{regexp.MustCompile(`^missing positional arguments (.+)$`), `$1 must be given`},
	{regexp.MustCompile(`^expected one of (.+)$`), `a command is missing here, one of $1`},
	{regexp.MustCompile(`^expected "(<.+>)"$`), `$1 must be given`},
	{regexp.MustCompile(`^expected "([^<"]+)( <.*)?"$`), `the command $1 is missing here`},
	{regexp.MustCompile(`^(.*); perhaps try (--\S+=".*")\?$`), `$1; a value that begins with a hyphen is written as $2`},
	{regexp.MustCompile(`^(.*) \(from envar (\w+)=.*\)$`), `$1 (given by $2)`},
}

// reword returns an error of kong as a sentence.
func reword(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	for _, r := range rewordings {
		if r.pattern.MatchString(text) {
			text = r.pattern.ReplaceAllString(text, r.words)
			break
		}
	}
	if text = strings.TrimRight(text, ",. "); !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}

// ignoreEmptyVariables makes empty environment variables count as unset, which programs that start others rely on.
func ignoreEmptyVariables(flags []*kong.Flag, lookup func(string) (string, bool)) {
	for _, f := range flags {
		f.Tag.Envs = slices.DeleteFunc(slices.Clone(f.Tag.Envs), func(name string) bool {
			value, set := lookup(name)
			return set && value == ""
		})
	}
}
