package cron

import (
	"errors"
	"math/rand/v2"
	"testing"
)

func TestParseCrontab(t *testing.T) {
	// In the order of a line, the second last.
	schedule := func(zone string, minutes, hours, monthDays, months, weekdays, seconds Set) Schedule {
		return Schedule{
			Timezone: zone, Minutes: minutes, Hours: hours, MonthDays: monthDays, Months: months, Weekdays: weekdays,
			Seconds: seconds,
		}
	}
	both := func(s Schedule) Schedule { s.Days = DaysBoth; return s }
	last := func(s Schedule) Schedule { s.LastDay = true; return s }
	zero, oddDays := SetOf(0), Set(0xAAAAAAAA)
	for text, want := range map[string]Schedule{
		"* * * * *":   schedule("", Every, Every, Every, Every, Every, zero),
		"*/1 * * * *": schedule("", Every, Every, Every, Every, Every, zero),
		"0-59 0-23 1-31 1-12 0-6": schedule(
			"", setRange(0, 59), setRange(0, 23), setRange(1, 31),
			setRange(1, 12), setRange(0, 6), zero,
		),
		"  5\t4 3  2 1 ": schedule("", SetOf(5), SetOf(4), SetOf(3), SetOf(2), SetOf(1), zero),
		"*/20 */7 */10 */5 */3": both(schedule(
			"", SetOf(0, 20, 40), SetOf(0, 7, 14, 21), SetOf(1, 11, 21, 31),
			SetOf(1, 6, 11), SetOf(0, 3, 6), zero,
		)),
		"*/60 */24 */31 */12 */7": both(schedule("", SetOf(0), SetOf(0), SetOf(1), SetOf(1), SetOf(0), zero)),

		// Vixie cron: both days hold when a field starts with a star.
		"1 1 1-7 * */7":      both(schedule("", SetOf(1), SetOf(1), setRange(1, 7), Every, zero, zero)),
		"0 0 1-7 * */1":      schedule("", zero, zero, setRange(1, 7), Every, Every, zero),
		"0 0 */2 * SUN":      both(schedule("", zero, zero, oddDays, Every, zero, zero)),
		"0 0 */2 * *":        schedule("", zero, zero, oddDays, Every, Every, zero),
		"0 0 */31,1-7 * MON": both(schedule("", zero, zero, setRange(1, 7), Every, SetOf(1), zero)),
		"0 0 1-7,*/31 * MON": schedule("", zero, zero, setRange(1, 7), Every, SetOf(1), zero),
		"0 0 1,15 * MON":     schedule("", zero, zero, SetOf(1, 15), Every, SetOf(1), zero),
		"0 0 0 1-7 * */7":    both(schedule("", zero, zero, setRange(1, 7), Every, zero, zero)),

		// The weeks of the month.
		"0 0 * * MON#2":               both(schedule("", zero, zero, setRange(8, 14), Every, SetOf(1), zero)),
		"0 0 * * 5#1":                 both(schedule("", zero, zero, setRange(1, 7), Every, SetOf(5), zero)),
		"0 0 * * 7#3":                 both(schedule("", zero, zero, setRange(15, 21), Every, zero, zero)),
		"0 0 * * sun#4":               both(schedule("", zero, zero, setRange(22, 28), Every, zero, zero)),
		"0 0 * * 0#5":                 both(schedule("", zero, zero, setRange(29, 31), Every, zero, zero)),
		"0 0 * * 1#1,1#3":             both(schedule("", zero, zero, setRange(1, 7)|setRange(15, 21), Every, SetOf(1), zero)),
		"0 0 * * 1#2,fri#2":           both(schedule("", zero, zero, setRange(8, 14), Every, SetOf(1, 5), zero)),
		"0 0 * * 1#1,1#2,1#3,1#4,1#5": schedule("", zero, zero, setRange(1, 31), Every, SetOf(1), zero),

		// The last day of the month.
		"0 0 L * *":        last(schedule("", zero, zero, 0, Every, Every, zero)),
		"0 0 1,l,15 * *":   last(schedule("", zero, zero, SetOf(1, 15), Every, Every, zero)),
		"0 0 L * 5":        last(schedule("", zero, zero, 0, Every, SetOf(5), zero)),
		"0 0 L * */7":      both(last(schedule("", zero, zero, 0, Every, zero, zero))),
		"0 0 */2,L * 1":    both(last(schedule("", zero, zero, oddDays, Every, SetOf(1), zero))),
		"0 0 *,L * *":      schedule("", zero, zero, Every, Every, Every, zero),
		"10-50/20 * * * *": schedule("", SetOf(10, 30, 50), Every, Every, Every, Every, zero),
		"5/15 20/2 30/1 11/1 5/1": schedule(
			"", SetOf(5, 20, 35, 50), SetOf(20, 22), SetOf(30, 31),
			SetOf(11, 12), SetOf(5, 6), zero,
		),
		"1,2-4,*/30,007 * * * *":          schedule("", SetOf(0, 1, 2, 3, 4, 7, 30), Every, Every, Every, Every, zero),
		"*,5 * * * *":                     schedule("", Every, Every, Every, Every, Every, zero),
		"0 0 * JAN,mar-May,Dec Mon-FRI":   schedule("", zero, zero, Every, SetOf(1, 3, 4, 5, 12), setRange(1, 5), zero),
		"0 0 * jan-dec/3 sun":             schedule("", zero, zero, Every, SetOf(1, 4, 7, 10), zero, zero),
		"0 0 * * 7":                       schedule("", zero, zero, Every, Every, zero, zero),
		"0 0 * * 0-7":                     schedule("", zero, zero, Every, Every, setRange(0, 6), zero),
		"0 0 * * 5-7":                     schedule("", zero, zero, Every, Every, SetOf(0, 5, 6), zero),
		"0 0 * * fri-sun":                 schedule("", zero, zero, Every, Every, SetOf(0, 5, 6), zero),
		"0 0 * * sun-tue":                 schedule("", zero, zero, Every, Every, SetOf(0, 1, 2), zero),
		"0 0 * * sun-sun":                 schedule("", zero, zero, Every, Every, zero, zero),
		"0 0 * * 7/2":                     schedule("", zero, zero, Every, Every, zero, zero),
		"*/30 1 2 3 4 5":                  schedule("", SetOf(1), SetOf(2), SetOf(3), SetOf(4), SetOf(5), SetOf(0, 30)),
		"@yearly":                         schedule("", zero, zero, SetOf(1), SetOf(1), Every, zero),
		"@Annually":                       schedule("", zero, zero, SetOf(1), SetOf(1), Every, zero),
		"@monthly":                        schedule("", zero, zero, SetOf(1), Every, Every, zero),
		"@weekly":                         schedule("", zero, zero, Every, Every, zero, zero),
		"@daily":                          schedule("", zero, zero, Every, Every, Every, zero),
		"@midnight":                       schedule("", zero, zero, Every, Every, Every, zero),
		" @hourly ":                       schedule("", zero, Every, Every, Every, Every, zero),
		"CRON_TZ=Europe/Berlin 0 3 * * *": schedule("Europe/Berlin", zero, SetOf(3), Every, Every, Every, zero),
		"TZ=US/Eastern @daily":            schedule("US/Eastern", zero, zero, Every, Every, Every, zero),
	} {
		if got, err := ParseCrontab(text); err != nil || got != want {
			t.Errorf("ParseCrontab(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestParseCrontabErrors(t *testing.T) {
	for text, want := range map[string]CrontabError{
		"":                                {FieldNone, "", CrontabCount, 5, 6, ""},
		"* * * *":                         {FieldNone, "* * * *", CrontabCount, 5, 6, ""},
		"* * * * * * 2026":                {FieldNone, "* * * * * * 2026", CrontabCount, 5, 6, ""},
		"TZ=UTC":                          {FieldNone, "TZ=UTC", CrontabCount, 5, 6, ""},
		"@daily *":                        {FieldNone, "@daily *", CrontabCount, 5, 6, ""},
		"@reboot":                         {FieldNone, "@reboot", CrontabUnsupported, 0, 0, ""},
		"@every 5m":                       {FieldNone, "@every", CrontabUnsupported, 0, 0, ""},
		"@fortnightly":                    {FieldNone, "@fortnightly", CrontabMacro, 0, 0, ""},
		"TZ= * * * * *":                   {FieldTimezone, "", CrontabZone, 0, 0, ""},
		"CRON_TZ=europe/berlin * * * * *": {FieldTimezone, "europe/berlin", CrontabZone, 0, 0, ""},
		"60 * * * *":                      {FieldMinute, "60", CrontabRange, 0, 59, ""},
		"1,2,99999999999999999999 * * * *": {
			FieldMinute, "99999999999999999999", CrontabRange, 0, 59, "",
		},
		"60 * * * * *":  {FieldSecond, "60", CrontabRange, 0, 59, ""},
		"* 24 * * *":    {FieldHour, "24", CrontabRange, 0, 23, ""},
		"* 22-24 * * *": {FieldHour, "24", CrontabRange, 0, 23, ""},
		"* * 0 * *":     {FieldMonthDay, "0", CrontabRange, 1, 31, ""},
		"* * * 13 *":    {FieldMonth, "13", CrontabRange, 1, 12, ""},
		"* * * * 8":     {FieldWeekday, "8", CrontabRange, 0, 7, ""},
		"30-10 * * * *": {FieldMinute, "30-10", CrontabReversed, 0, 0, ""},
		"* * * nov-feb *": {
			FieldMonth, "nov-feb", CrontabReversed, 0, 0, "",
		},
		"* * * * fri-mon": {FieldWeekday, "fri-mon", CrontabReversed, 0, 0, ""},
		"* * * * 5-0":     {FieldWeekday, "5-0", CrontabReversed, 0, 0, ""},
		"*/0 * * * *":     {FieldMinute, "0", CrontabStep, 1, 60, ""},
		"*/90 * * * *":    {FieldMinute, "90", CrontabStep, 1, 60, ""},
		"* * 1/32 * *":    {FieldMonthDay, "32", CrontabStep, 1, 31, ""},
		"*/ * * * *":      {FieldMinute, "*/", CrontabSyntax, 0, 0, ""},
		"*/2/3 * * * *":   {FieldMinute, "*/2/3", CrontabSyntax, 0, 0, ""},
		"*-5 * * * *":     {FieldMinute, "*-5", CrontabSyntax, 0, 0, ""},
		"1-2-3 * * * *":   {FieldMinute, "1-2-3", CrontabSyntax, 0, 0, ""},
		"-5 * * * *":      {FieldMinute, "-5", CrontabSyntax, 0, 0, ""},
		"+5 * * * *":      {FieldMinute, "+5", CrontabSyntax, 0, 0, ""},
		"5, * * * *":      {FieldMinute, "5,", CrontabSyntax, 0, 0, ""},
		"1.5 * * * *":     {FieldMinute, "1.5", CrontabSyntax, 0, 0, ""},
		"? * * * *":       {FieldNone, "? * * * *", CrontabQuartz, 0, 0, ""},
		"0 0 ? * ?":       {FieldNone, "0 0 ? * ?", CrontabQuartz, 0, 0, "0 0 * * *"},
		"0 0 ?/2 * *":     {FieldMonthDay, "?/2", CrontabSyntax, 0, 0, ""},
		"0 mon * * *":     {FieldHour, "mon", CrontabSyntax, 0, 0, ""},
		"0 0 * mon *":     {FieldMonth, "mon", CrontabSyntax, 0, 0, ""},
		"0 0 * anf *":     {FieldMonth, "anf", CrontabSyntax, 0, 0, ""},
		"0 0 * january *": {FieldMonth, "january", CrontabSyntax, 0, 0, ""},
		"0 0 L-3 * *":     {FieldMonthDay, "L-3", CrontabLast, 0, 0, ""},
		"0 0 1,15W * *":   {FieldMonthDay, "15W", CrontabNearest, 0, 0, ""},
		"0 0 lw * *":      {FieldMonthDay, "lw", CrontabNearest, 0, 0, ""},
		"0 0 * * 5L":      {FieldWeekday, "5L", CrontabLastWeekday, 0, 0, ""},
		"0 0 * * friL":    {FieldWeekday, "friL", CrontabLastWeekday, 0, 0, ""},
		"0 0 L/2 * *":     {FieldMonthDay, "L/2", CrontabLast, 0, 0, ""},
		"0 0 25-L * *":    {FieldMonthDay, "25-L", CrontabLast, 0, 0, ""},
		"0 0 * * L":       {FieldWeekday, "L", CrontabLast, 0, 0, ""},
		"L 0 * * *":       {FieldMinute, "L", CrontabLast, 0, 0, ""},
		"0 0 L, * *":      {FieldMonthDay, "L,", CrontabSyntax, 0, 0, ""},
		"0 0 * * fri#6":   {FieldWeekday, "fri#6", CrontabWeek, 1, 5, ""},
		"0 0 * * 5#0":     {FieldWeekday, "5#0", CrontabWeek, 1, 5, ""},
		"0 0 * * 5#":      {FieldWeekday, "5#", CrontabWeek, 1, 5, ""},
		"0 0 * * 8#1":     {FieldWeekday, "8", CrontabRange, 0, 7, ""},
		"0 0 * * #1":      {FieldWeekday, "#1", CrontabSyntax, 0, 0, ""},
		"0 0 * * *#1":     {FieldWeekday, "*#1", CrontabSyntax, 0, 0, ""},
		"0 0 * * 1-5#1":   {FieldWeekday, "1-5#1", CrontabMixed, 0, 0, ""},
		"0 0 * * fri#2,1": {FieldWeekday, "fri#2", CrontabMixed, 0, 0, ""},
		"0 0 1-9 * 5#2":   {FieldWeekday, "5#2", CrontabMixed, 0, 0, ""},
		"0 0 L * 5#2":     {FieldWeekday, "5#2", CrontabMixed, 0, 0, ""},
		"0 0 * * 1#1,2#2": {FieldWeekday, "1#1", CrontabMixed, 0, 0, ""},
		"0 0 5#2 * *":     {FieldMonthDay, "5#2", CrontabMixed, 0, 0, ""},
		"0~30 * * * *":    {FieldMinute, "0~30", CrontabUnsupported, 0, 0, ""},
		"H/15 * * * *":    {FieldMinute, "H/15", CrontabUnsupported, 0, 0, ""},
	} {
		s, err := ParseCrontab(text)
		got, ok := errors.AsType[*CrontabError](err)
		switch {
		case !ok:
			t.Errorf("ParseCrontab(%q) = %+v, %v; want an error", text, s, err)
		case *got != want:
			t.Errorf("ParseCrontab(%q): %#v; want %#v", text, *got, want)
		case s != Schedule{}:
			t.Errorf("ParseCrontab(%q) = %+v with its error", text, s)
		}
	}
}

func TestCrontabErrorText(t *testing.T) {
	for text, want := range map[string]string{
		"* 24 * * *":      `crontab hour "24": out of range (0 to 23)`,
		"@reboot":         `crontab text "@reboot": not supported`,
		"TZ=Mars 1 1 1 1": `crontab time zone "Mars": unknown time zone`,
		"0 0 1/0 * *":     `crontab day of month "0": step out of range (1 to 31)`,
	} {
		if _, err := ParseCrontab(text); err == nil || err.Error() != want {
			t.Errorf("ParseCrontab(%q): %v; want %s", text, err, want)
		}
	}
}

func TestCrontab(t *testing.T) {
	for text, want := range map[string]string{
		"* * * * *":                               "* * * * *",
		"0-59 0-23 1-31 1-12 0-6":                 "0-59 0-23 1-31 1-12 0-6",
		"0,15,30,45 0,12 1,16,31 1,4,7,10 1-5":    "*/15 0,12 1,16,31 */3 1-5",
		"5,20,35,50 9,10,11,12 10,12,14,16 * *":   "5-50/15 9-12 10-16/2 * *",
		"1,2 1,2,3 1,3,5 2,4 0,6":                 "1,2 1-3 1,3,5 2,4 0,6",
		"0-10/2,20,30-33,59 * * * *":              "0-10/2,20,30-33,59 * * * *",
		"* * */2 * *":                             "* * 1-31/2 * *",
		"* * */2 * */2":                           "* * */2 * 0-6/2",
		"* * */2 * sun":                           "* * */2 * 0",
		"* * */2 * mon":                           "* * */2 * 1",
		"1 1 1-7 * */7":                           "1 1 1-7 * */7",
		"* * */31,2-7,20 * mon":                   "* * */19,2-7 * 1",
		"* * * * mon#2":                           "* * * * 1#2",
		"* * 1,15,L * *":                          "* * 1,15,L * *",
		"* * l * 5":                               "* * L * 5",
		"* * L * */7":                             "* * L * */7",
		"* * */2,L * mon":                         "* * */2,L * 1",
		"* * * * fri-sun":                         "* * * * 0,5,6",
		"*/60 * * * *":                            "0 * * * *",
		"0 * * * * *":                             "* * * * *",
		"* * * * * *":                             "* * * * * *",
		"*/10 0 3 * * *":                          "*/10 0 3 * * *",
		"TZ=Europe/Berlin @yearly":                "0 0 1 1 *",
		"0,1,2,3,5,7,9,11,20,30,40,50,52 * * * *": "0-3,5-11/2,20-50/10,52 * * * *",
	} {
		s, err := ParseCrontab(text)
		if err != nil {
			t.Errorf("ParseCrontab(%q): %v", text, err)
			continue
		}
		if got, ok := s.Crontab(); !ok || got != want {
			t.Errorf("%q is rendered as %q, %v; want %q", text, got, ok, want)
		}
	}
}

func TestCrontabCannotSay(t *testing.T) {
	whole, _ := ParseCrontab("* * * * *")
	for name, change := range map[string]func(*Schedule){
		"no second":       func(s *Schedule) { s.Seconds = 0 },
		"no minute":       func(s *Schedule) { s.Minutes = 0 },
		"no hour":         func(s *Schedule) { s.Hours = 0 },
		"no day of month": func(s *Schedule) { s.MonthDays = 0 },
		"no month":        func(s *Schedule) { s.Months = 0 },
		"no day of week":  func(s *Schedule) { s.Weekdays = 0 },
		"day 0":           func(s *Schedule) { s.MonthDays = setRange(0, 31) },
		"hour 24":         func(s *Schedule) { s.Hours = SetOf(3, 24) },
		"Friday the 13th": func(s *Schedule) { s.MonthDays, s.Weekdays, s.Days = SetOf(13), SetOf(5), DaysBoth },
		"2nd Friday and last": func(s *Schedule) {
			s.MonthDays, s.Weekdays, s.Days, s.LastDay = setRange(8, 14), SetOf(5), DaysBoth, true
		},
		"the bit after all":    func(s *Schedule) { s.Minutes = 1 << 63 },
		"all but the last bit": func(s *Schedule) { s.Minutes = Every &^ (1 << 63) },
	} {
		s := whole
		change(&s)
		if text, ok := s.Crontab(); ok || text != "" {
			t.Errorf("%s: %q, %v", name, text, ok)
		}
	}
}

// TestCrontabRoundTrip renders sets of every kind and reads them back.
func TestCrontabRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5_000 {
		want := randomSchedule(r, "", r.Int64N(1e9))
		want.ExpiresAt, want.DST = 0, 0
		if want.MonthDays.covers(1, 31) {
			want.LastDay = false
		}
		if !want.restrictsBothDays() {
			want.Days = DaysEither
		}
		text, ok := want.Crontab()
		if sayable := want.Seconds != 0 && want.Minutes != 0 && want.Hours != 0 && (want.MonthDays != 0 || want.LastDay) &&
			want.Months != 0 && want.Weekdays != 0; ok && !sayable || sayable && !ok && want.Days == DaysEither {
			t.Fatalf("%+v is rendered as %q, %v", want, text, ok)
		}
		if !ok {
			continue
		}
		if got, err := ParseCrontab(text); err != nil || got != want {
			t.Fatalf("%q is read as %+v, %v; it stands for %+v", text, got, err, want)
		}
	}
}

// TestForeignLines has lines that are refused as a whole, and what is to be written instead.
func TestForeignLines(t *testing.T) {
	for text, want := range map[string]struct {
		reason  CrontabReason
		instead string
	}{
		"0 0 12 ? * 2-6":         {CrontabQuartz, "0 12 * * MON-FRI"},
		"0 5 10 ? * 1":           {CrontabQuartz, "5 10 * * SUN"},
		"30 0 12 ? * 2,4,7":      {CrontabQuartz, "30 0 12 * * MON,WED,SAT"},
		"0/5 8-17 ? * MON-FRI *": {CrontabQuartz, "0/5 8-17 * * MON-FRI"},
		"0 12 ? * 2 *":           {CrontabQuartz, "0 12 * * MON"},
		"0 12 1 * ? *":           {CrontabQuartz, "0 12 1 * *"},
		"0 0 12 ? * 6#3 *":       {CrontabQuartz, "0 12 * * FRI#3"},
		"0 0 12 L * ? *":         {CrontabQuartz, "0 12 L * *"},
		"0 0 12 ? * 2-6 2026":    {CrontabQuartz, ""},
		"0 0 12 ? * 6L":          {CrontabQuartz, ""},
		"0 0 12 15W * ?":         {CrontabQuartz, ""},
		"0 0 12 ? * FRI-MON":     {CrontabQuartz, ""},
		"0 0 12 ? * 0":           {CrontabQuartz, ""},
		"0 0 12 ? * 12":          {CrontabQuartz, ""},
		"0 12 ? * 2":             {CrontabQuartz, ""},
		"0 12 ? * tue":           {CrontabQuartz, "0 12 * * tue"},
		"? ? ? ? ?":              {CrontabQuartz, ""},
		"TZ=UTC 0 12 ? * tue":    {CrontabQuartz, "0 12 * * tue"},
		"0 12 ? * tue wget x":    {CrontabQuartz, ""},
		"*/15 * * * * wget -q -O - https://x.test/wp-cron.php >/dev/null 2>&1": {CrontabCommand, "*/15 * * * *"},
		"*/15 * * * * /bin/true":              {CrontabCommand, "*/15 * * * *"},
		"17 *\t* * *\troot cd / && run-parts": {CrontabCommand, "17 * * * *"},
		"0 3 * * 1 5 curl https://x.test/?a":  {CrontabCommand, "0 3 * * 1 5"},
		"0 3 * * 1 7z a x":                    {CrontabCommand, "0 3 * * 1"},
		"@daily /usr/bin/backup":              {CrontabCommand, "@daily"},
		"@DAILY root backup":                  {CrontabCommand, "@DAILY"},
		"61 * * * * wget x":                   {CrontabRange, ""},
		"* * * * * 8":                         {CrontabRange, ""},
		"* * * * * L":                         {CrontabLast, ""},
		"* * * * * H":                         {CrontabUnsupported, ""},
		"@reboot /usr/bin/x":                  {CrontabUnsupported, ""},
		"@fortnightly x":                      {CrontabMacro, ""},
		"* * * * * * 2026":                    {CrontabCount, ""},
	} {
		_, err := ParseCrontab(text)
		got, ok := errors.AsType[*CrontabError](err)
		if !ok || got.Reason != want.reason || got.Instead != want.instead {
			t.Errorf("ParseCrontab(%q): %#v; want reason %d, instead %q", text, got, want.reason, want.instead)
			continue
		}
		if _, err := ParseCrontab(want.instead); want.instead != "" && err != nil {
			t.Errorf("%q, instead of %q, is refused: %v", want.instead, text, err)
		}
	}
}

// FuzzParseCrontab checks that whatever can be read is rendered as a text that is read as the same.
func FuzzParseCrontab(f *testing.F) {
	for _, text := range []string{
		"* * * * *", "*/5 0-7 1,15 jan-DEC/2 fri-sun", "CRON_TZ=Europe/Berlin 0 3 * * mon-fri", "*/10 5/15 ? * ? 7", "@daily",
		"TZ=UTC @reboot", "0 0 L 15W 5#2", "1-2-3 *,4 0-59 */60 *", "1 1 1-7 * */7", "0 0 */31,2-7 * MON", "0 0 * * MON#2,MON#4",
		"0 0 1,L * *", "0 0 */2,L * 5", "0 0 12 ? * 2-6", "0/5 8-17 ? * MON-FRI *", "*/15 * * * * wget -q https://x.test/",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseCrontab(text)
		if err != nil {
			if _, ok := errors.AsType[*CrontabError](err); !ok || err.Error() == "" {
				t.Fatalf("%q: %#v", text, err)
			}
			if e, _ := errors.AsType[*CrontabError](err); e.Instead != "" {
				if _, err := ParseCrontab(e.Instead); err != nil {
					t.Fatalf("%q: instead %q is to be written, which is refused: %v", text, e.Instead, err)
				}
			}
			return
		}
		valid := s
		if s.Timezone == "" {
			valid.Timezone = "UTC"
		}
		var c Checker
		if valid.Check(&c, ""); c.Err() != nil {
			t.Fatalf("%q is read as %+v: %v", text, s, c.Err())
		}
		rendered, ok := s.Crontab()
		if !ok {
			t.Fatalf("%q is read as %+v, which cannot be rendered", text, s)
		}
		again, err := ParseCrontab(rendered)
		again.Timezone = s.Timezone
		if err != nil || again != s {
			t.Fatalf("%q is rendered as %q, which is read as %+v, %v; want %+v", text, rendered, again, err, s)
		}
	})
}
