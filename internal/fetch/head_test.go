package fetch

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// leniency is what curl 7.88 made of a response too. It was asked; where we differ, the row says how.
type leniency struct {
	name string
	sent string // before the connection ends
	code int    // 0 when it is refused
	text string // the body, or why it is refused: a detail, or "closed" when the connection ended early
}

// okBody ends a head, and is a body of two bytes and more than that.
const okBody = "Content-Length: 2\r\n\r\nokmore"

// status is a response whose first line is given.
func status(line string) string { return line + "\r\n" + okBody }

// field is a response with the given header lines and a length.
func field(lines string) string { return "HTTP/1.1 200 OK\r\n" + lines + okBody }

// framed is a response with the given header lines and body, and nothing else.
func framed(lines, body string) string { return "HTTP/1.1 200 OK\r\n" + lines + "\r\n" + body }

// chunks is a response whose chunked body is given.
func chunks(body string) string { return framed("Transfer-Encoding: chunked\r\n", body) }

const okChunks = "2\r\nok\r\n0\r\n\r\nmore"

func testLeniency(t *testing.T, rows []leniency) {
	t.Helper()
	client := New(Config{})
	for _, row := range rows {
		for i, sizes := range [][]byte{nil, nil, {0}} {
			call := &cron.Call{MaxResponse: maxHead, SaveResponse: true, Timeout: time.Second}
			x := &exchange{client: client, call: call, started: time.Now()}
			err := x.receive(&pieces{data: []byte(row.sent), sizes: sizes, ends: i == 0})
			x.finish(t.Context(), err)
			r := &x.result
			switch {
			case row.code == 0 && row.text == "closed":
				if r.Status != cron.StatusOther || r.Fault != cron.FaultClosed || r.Detail != "" {
					t.Errorf("%s: %+v, want a connection that ended early", row.name, r)
				}
			case row.code == 0:
				if r.Status != cron.StatusOther || r.Fault != cron.FaultMalformed || r.Detail != row.text {
					t.Errorf("%s: %+v, want %q", row.name, r, row.text)
				}
			case err != nil || r.HTTPStatus != row.code || string(r.Body) != row.text:
				t.Errorf("%s: %v, %+v, want status %d and body %q", row.name, err, r, row.code, row.text)
			}
		}
	}
}

func TestStatusLines(t *testing.T) {
	noCode := func(line string) leniency {
		return leniency{line, status(line), 0, "there is no status code from 100 to 999 in " + strconv.Quote(line)}
	}
	version := func(line string) leniency {
		return leniency{line, status(line), 0, "its version is neither HTTP/1.1 nor HTTP/1.0 in " + strconv.Quote(line)}
	}
	other := func(line string) leniency {
		return leniency{line, status(line), 0, "it begins with " + strconv.Quote(line)}
	}
	rows := []leniency{
		noCode("HTTP/1.1 2000 OK"), noCode("HTTP/1.1 20 OK"), noCode("HTTP/1.1 099 Low"), noCode("HTTP/1.1 abc"),
		noCode("HTTP/1.1 -20 x"), noCode("HTTP/1.1 +200 x"), noCode("HTTP/1.1 0200 x"), noCode("HTTP/1.1"),
		noCode("HTTP/1.1 "), noCode("HTTP/1.1/200 OK"), noCode("HTTP/1.1 2 00 OK"), noCode("HTTP/1.1 2\x0000 OK"),
		noCode("HTTP/"),
		version("HTTP/0.9 200 OK"), version("HTTP/3 200 OK"), version("HTTP/3.0 200 OK"), version("HTTP/11.1 200 OK"),
		version("HTTP/ 200 OK"),
		other("HTTP 200 OK"), other("HTTP /1.1 200 OK"), other("HTTPS/1.1 200 OK"), other("ICY 200 OK"),
		other("RTSP/1.0 200 OK"), other(" HTTP/1.1 200 OK"), other("xHTTP/1.1 200 OK"), other("HTTP"), other("H"),
		other("220 mail.example.test ESMTP"), other("Status: 200 OK"), other("<html>"),
		{"long", strings.Repeat("x", 300), 0, `it begins with "` + strings.Repeat("x", maxQuote) + `…"`},
		{"an empty line first", status("\r\nHTTP/1.1 200 OK"), 0, "it begins with an empty line"},
		{"an interim response and a body", "HTTP/1.1 100 Continue\r\n\r\nok", 0, `it begins with "ok"`},

		{"nothing", "", 0, "closed"},
		{"half a name", "htt", 0, "closed"},
		{"half a code", "HTTP/1.1 20", 0, "closed"},
		{"no line end", "HTTP/1.1 200 OK", 0, "closed"},
		{"an interim response only", "HTTP/1.1 100 Continue\r\n\r\n", 0, "closed"},
		// curl takes these four for whole responses.
		{"a first line only", "HTTP/1.1 200 OK\r\n", 0, "closed"},
		{"no empty line", "HTTP/1.1 200 OK\r\nX: y\r\n", 0, "closed"},
		{"half an empty line", "HTTP/1.1 200 OK\r\nX: y\r\n\r", 0, "closed"},
		{"half a header", "HTTP/1.1 200 OK\r\nServer: x\r\nSet-Coo", 0, "closed"},

		{"no content", status("HTTP/1.1 204 No Content"), 204, ""},
		{"not modified", status("HTTP/1.1 304 Not Modified"), 304, ""},
		{"reset content", status("HTTP/1.1 205 Reset Content"), 205, "ok"},
		{"many interim responses", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000) + field(""), 200, "ok"},
		{"an interim response with lengths", "HTTP/1.1 103 Early Hints\r\nContent-Length: -7\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n" + field(""), 200, "ok"},
		// curl reads a body of this one.
		{"switching protocols", status("HTTP/1.1 101 Switching Protocols"), 101, ""},
	}
	for _, line := range []string{
		"HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1  200 OK", "HTTP/1.1 200\tOK", "HTTP/1.1 200OK", "HTTP/1.1 200: OK",
		"HTTP/1.1 200.5", "HTTP/1.1 200-OK", "HTTP/1.0 200 OK", "HTTP/2 200 OK", "HTTP/2.0 200 OK", "http/1.1 200 OK",
		"Http/1.1 200 OK", "HTTP/ 1.1 200 OK", "HTTP/x.y 200 OK", "HTTP/1.1 200 \xe9\xff", "HTTP/1.1 200 \x01\x02",
		"HTTP/1.1 200 OK\r\r\r",
		"HTTP/1.1\t200 OK", "HTTP/1.2 200 OK", "HTTP/1.1 200 O\x00K", // which curl refuses
	} {
		rows = append(rows, leniency{line, status(line), 200, "ok"})
	}
	for _, code := range []string{"404", "600", "999"} {
		n, _ := strconv.Atoi(code)
		rows = append(rows, leniency{code, status("HTTP/1.1 " + code + " x"), n, "ok"})
	}
	testLeniency(t, rows)
}

func TestHeaderLines(t *testing.T) {
	testLeniency(t, []leniency{
		{"control characters", field("Set-Cookie: v=\x01\x0b\x02abc\r\n"), 200, "ok"},
		{"a control character in a name", field("X\x7f: b\r\n"), 200, "ok"},
		{"a name that is not ASCII", field("X-\u00e9: b\r\n"), 200, "ok"},
		{"a name that is not UTF-8", field("X-\xe9: b\r\n"), 200, "ok"},
		{"a value that is not UTF-8", field("X: \xe9\r\n"), 200, "ok"},
		{"an empty name", field(": b\r\n"), 200, "ok"},
		{"a blank in a name", field("X Y: b\r\n"), 200, "ok"},
		{"a blank before the colon", field("X : b\r\n"), 200, "ok"},
		{"an empty value", field("X:\r\n"), 200, "ok"},
		{"a carriage return within", field("X: a\rb\r\n"), 200, "ok"},
		{"a header behind a carriage return", field("X: a\rContent-Length: 5\r\n"), 200, "ok"},
		{"line feeds only", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok"},
		{"a line feed among others", "HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok", 200, "ok"},
		{"many carriage returns", "HTTP/1.1 200 OK\r\r\nContent-Length: 2\r\r\n\r\r\nok", 200, "ok"},
		{"a folded line", field("X: a\r\n b\r\n\tc\r\n"), 200, "ok"},
		{"a line of blanks behind another", field("X: y\r\n \r\n"), 200, "ok"},
		{"no header", "HTTP/1.1 200 OK\r\n\r\nok", 200, "ok"},
		{"20,000 bytes in a line", field("X: " + strings.Repeat("y", 20_000) + "\r\n"), 200, "ok"},
		{"20,000 lines", field(strings.Repeat("X:\r\n", 20_000)), 200, "ok"},
		{"compressed content", field("Content-Encoding: gzip\r\n"), 200, "ok"},

		{"no colon", field("Nonsense\r\n"), 0, `there is no colon in the header line "Nonsense"`},
		{"a continuation first", field(" X: y\r\n"), 0, `the first header line continues another: " X: y"`},
		{"NUL in a value", field("A: b\r\nX: a\x00b\r\n"), 0, `there is a NUL byte in the header line "X: a\x00b"`},
		{"NUL in a name", field("X\x00Y: b\r\n"), 0, `there is a NUL byte in the header line "X\x00Y: b"`},
	})
}

func TestContentLengths(t *testing.T) {
	length := func(value, body string) leniency {
		return leniency{value, framed("Content-Length: "+value+"\r\n", "okmore"), 200, body}
	}
	bad := func(value string) leniency {
		return leniency{value, framed("Content-Length: "+value+"\r\n", "okmore"), 0,
			"the Content-Length " + strconv.Quote(strings.TrimSpace(value)) + " is not a length"}
	}
	testLeniency(t, []leniency{
		length("2", "ok"), length("2, 2", "ok"), length("2,2", "ok"), length("2, 3", "ok"), length("3, 2", "okm"),
		length("2 2", "ok"), length("+2", "ok"), length("02", "ok"), length("0x2", ""), length("2x", "ok"),
		length("2.5", "ok"), length("2;", "ok"), length("2e1", "ok"), length("2\t", "ok"), length("\t 2", "ok"),
		length("1_0", "o"), length("6", "okmore"), length("0", ""),
		length("\x0b2", "ok"), length("", "okmore"), // which curl refuses
		bad("-2"), bad("-0"), bad("x"), bad(`"2"`), bad("'2'"), bad("\xa02"), bad("++2"), bad(", 2"),
		{"a long body", framed("Content-Length: 50000\r\n", strings.Repeat("x", 50_000)), 200, strings.Repeat("x", 50_000)},
		{"too long a length", framed("Content-Length: 7\r\n", "okmore"), 0, "closed"},
		{"no space", framed("Content-Length:2\r\n", "okmore"), 200, "ok"},
		{"the same twice", framed("Content-Length: 2\r\nContent-Length: 2\r\n", "okmore"), 200, "ok"},
		{"the last counts", framed("Content-Length: 2\r\nContent-Length: 3\r\n", "okmore"), 200, "okm"},
		{"too large for a number, then good", framed("Content-Length: 99999999999999999999\r\nContent-Length: 2\r\n",
			"okmore"), 200, "ok"},
		{"good, then too large for a number", framed("Content-Length: 2\r\nContent-Length: 99999999999999999999\r\n",
			"okmore"), 200, "ok"},
		{"a bad one among good ones", framed("Content-Length: 2\r\nContent-Length: x\r\n", "okmore"), 0,
			`the Content-Length "x" is not a length`},
		{"a folded number", framed("Content-Length: 2\r\n 3\r\n", "okmore"), 200, "ok"},
		{"another name", framed("Content Length: 2\r\n", "okmore"), 200, "okmore"},
		{"of no content", "HTTP/1.1 204 No Content\r\nContent-Length: -2\r\n\r\n", 204, ""},
		// curl refuses the first two and does not know the third.
		{"folded", framed("Content-Length:\r\n 2\r\n", "okmore"), 200, "ok"},
		{"bad beside chunks", framed("Content-Length: -2\r\nTransfer-Encoding: chunked\r\n", okChunks), 200, "ok"},
		{"a blank before the colon", framed("Content-Length : 2\r\n", "okmore"), 200, "ok"},
	})
}

func TestTransferCodings(t *testing.T) {
	chunked := func(value string) leniency {
		return leniency{value, framed("Transfer-Encoding: "+value+"\r\n", okChunks), 200, "ok"}
	}
	plain := func(value string) leniency { // kept as it comes; curl decompresses what says that it is compressed
		return leniency{value, framed("Transfer-Encoding: "+value+"\r\n", okChunks), 200, okChunks}
	}
	unknown := func(value, coding string) leniency {
		return leniency{value, framed("Transfer-Encoding: "+value+"\r\n", okChunks), 0,
			"the transfer coding " + strconv.Quote(coding) + " is unknown"}
	}
	testLeniency(t, []leniency{
		chunked("chunked"), chunked("CHUNKED"), chunked("chunked, chunked"), chunked("chunked,identity"),
		chunked("identity, chunked"), chunked(" , chunked"), chunked("chunked\x0b"), chunked("gzip, chunked"),
		chunked("chunked, gzip"),
		plain(""), plain("identity"), plain("gzip"), plain("X-GZIP"), plain("deflate"), plain("br"), plain("zstd"),
		unknown("xchunked", "xchunked"), unknown("chunked;q=1", "chunked;q=1"), unknown(`"chunked"`, `"chunked"`),
		unknown("foo", "foo"), unknown("foo, chunked", "foo"), unknown("chunked, foo, bar", "foo"),
		unknown("chunked gzip", "chunked gzip"), unknown("trailers", "trailers"),
		{"twice", framed("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", okChunks), 200, "ok"},
		{"two kinds", framed("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", okChunks), 200, "ok"},
		{"beside a length", framed("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", okChunks), 200, "ok"},
		{"identity with a length", framed("Transfer-Encoding: identity\r\nContent-Length: 2\r\n", "okmore"), 200, "ok"},
		{"of HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + okChunks, 200, "ok"},
		{"of no content", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: foo\r\n\r\n", 204, ""},
		// curl knows neither of these two.
		{"folded", framed("Transfer-Encoding:\r\n chunked\r\n", okChunks), 200, "ok"},
		{"a blank before the colon", framed("Transfer-Encoding : chunked\r\n", okChunks), 200, "ok"},
	})
}

func TestChunks(t *testing.T) {
	const (
		size      = "where the size of a chunk should be"
		wrongEnd  = "a chunk does not end where its size says"
		large     = "the size of a chunk is too large a number"
		extra     = "its chunks come with more than 65536 bytes of extensions and trailers"
		noColon   = "there is no colon in a line of the trailer"
		last      = "0\r\n\r\n"
		okAndLast = "ok\r\n" + last
	)
	var rows []leniency
	for _, line := range []string{
		"2", "2;x=y", "2 ", "2\t", "2 ; x", "2junk", "2\x00", "2\rx", "2\r", "00000002", "0000000000000002",
		"2;" + strings.Repeat("x", 20_000), "00000000000000000002", // the last of which curl refuses
	} {
		rows = append(rows, leniency{line, chunks(line + "\r\n" + okAndLast), 200, "ok"})
	}
	for _, line := range []string{" 2", "-2", "+2", "", "zz", "<html>"} {
		rows = append(rows, leniency{line, chunks(line + "\r\n" + okAndLast), 0,
			"there is " + strconv.Quote((line + "\r")[:1]) + " " + size})
	}
	rows = append(rows, []leniency{
		{"large digits", chunks("A\r\n0123456789\r\n" + last), 200, "0123456789"},
		{"small digits", chunks("a\r\n0123456789\r\n" + last), 200, "0123456789"},
		{"line feeds only", chunks("2\nok\n0\n\n"), 200, "ok"},
		{"many carriage returns", chunks("2\r\r\nok\r\r\n" + last), 200, "ok"},
		{"a trailer", chunks("2\r\nok\r\n0\r\nX: y\r\nContent-Length: x\r\n\r\nmore"), 200, "ok"},
		{"half of the last line", chunks("2\r\nok\r\n0\r\n\r"), 200, "ok"},
		{"nothing but the last", chunks(last), 200, ""},
		{"a folded trailer", chunks("2\r\nok\r\n0\r\nX: y\r\n z\r\n\r\n"), 200, "ok"},                   // which curl refuses
		{"a trailer with control characters", chunks("2\r\nok\r\n0\r\nX: \x01\x00\r\n\r\n"), 200, "ok"}, // likewise

		{"no chunk", chunks(""), 0, "closed"},
		{"half a chunk", chunks("4\r\nok"), 0, "closed"},
		{"half a size", chunks("4"), 0, "closed"},
		{"no end", chunks("2\r\nok"), 0, "closed"},
		{"no last chunk", chunks("2\r\nok\r\n"), 0, "closed"},
		{"half of the last chunk", chunks("2\r\nok\r\n0"), 0, "closed"},
		{"no trailer", chunks("2\r\nok\r\n0\r\n"), 0, "closed"},
		{"half a trailer", chunks("2\r\nok\r\n0\r\nX: y\r\n"), 0, "closed"},
		{"the largest size", chunks("7fffffffffffffff\r\nok"), 0, "closed"},
		{"too large a size", chunks("8000000000000000\r\nok"), 0, large},
		{"far too large a size", chunks("fffffffffffffffff\r\nok"), 0, large},
		{"longer than its size", chunks("2\r\nbody\r\n" + last), 0, wrongEnd},
		{"no line end", chunks("2\r\nok" + last), 0, wrongEnd},
		{"an empty line", chunks("2\r\nok\r\n\r\n" + last), 0, `there is "\r" ` + size},
		{"a size of the language C", chunks("0x2\r\nok\r\n" + last), 0, noColon},
		{"a trailer without a colon", chunks("2\r\nok\r\n0\r\nnonsense\r\n\r\n"), 0, noColon},
		{"endless extensions", chunks("2;" + strings.Repeat("x", maxChunkOverhead) + "\r\nok\r\n"), 0, extra},
		{"an endless trailer", chunks(last[:3] + strings.Repeat("X: y\r\n", maxChunkOverhead/6+4)), 0, extra},
		{"endless zeros", chunks(strings.Repeat("0", maxChunkOverhead) + "2\r\nok\r\n"), 0, extra},
	}...)
	testLeniency(t, rows)
}

// TestResponsesWithoutBody has what is announced of bodies that do not come.
func TestResponsesWithoutBody(t *testing.T) {
	for _, lines := range []string{
		"Content-Length: 9999999\r\n", "Content-Length: -1\r\n", "Content-Length: 99999999999999999999\r\n",
		"Transfer-Encoding: chunked\r\n", "Transfer-Encoding: foo\r\n", "",
	} {
		call := &cron.Call{MaxResponse: 1000, SaveResponse: true, Timeout: time.Second}
		call.Request.Method = cron.MethodHead
		x := &exchange{client: New(Config{}), call: call, started: time.Now()}
		err := x.receive(&pieces{data: []byte(framed(lines, "ok"))})
		if err != nil || string(x.result.Headers) != lines+"\r\n" || len(x.result.Body) != 0 {
			t.Errorf("%q: %v, %+v", lines, err, x.result)
		}
	}
}

// TestRawHeaders checks that headers are kept as they were received, whatever is read out of them.
func TestRawHeaders(t *testing.T) {
	for _, lines := range []string{
		"X: \xff\x01\r\n", "x:y\n", "X: a\r\n b\r\n\tc\r\n", "Content-Length:\r\n 2\r\n", ": \r\r\n", "X-\xe9 : y\r\n",
		"Transfer-Encoding: gzip,\r\n  chunked\r\nA: b\r\n",
	} {
		body := "ok"
		if strings.Contains(lines, "chunked") {
			body = okChunks
		}
		call := &cron.Call{MaxResponse: 1000, SaveResponse: true, Timeout: time.Second}
		x := &exchange{client: New(Config{}), call: call, started: time.Now()}
		sent := "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + framed(lines, body)
		err := x.receive(&pieces{data: []byte(sent), sizes: []byte{6}})
		if err != nil || string(x.result.Headers) != lines+"\r\n" || string(x.result.Body) != "ok" {
			t.Errorf("%q: %v, %+v", lines, err, x.result)
		}
	}
}

// TestHeadBounds has heads at their bounds, where interim responses count too.
func TestHeadBounds(t *testing.T) {
	const interim = "HTTP/1.1 103 Early Hints\r\n"
	tooLarge := cron.Result{Status: cron.StatusTooMuchData, Fault: cron.FaultTooMuchData, Detail: strconv.Itoa(maxHead)}
	tooLong := cron.Result{Status: cron.StatusOther, Fault: cron.FaultMalformed,
		Detail: "its head has more than " + strconv.Itoa(maxHeadLines) + " lines"}
	ok := cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Reason: "OK"}
	fill := func(n int) string { return "X: " + strings.Repeat("y", n) + "\r\n" } // n+5 bytes
	empty := len(framed("", ""))
	for name, row := range map[string]struct {
		sent string
		want cron.Result
	}{
		"bytes":          {framed(fill(maxHead-empty-5), ""), ok},
		"a byte more":    {framed(fill(maxHead-empty-4), ""), tooLarge},
		"two heads":      {interim + fill(maxHead-len(interim)-empty-7) + "\r\n" + framed("", ""), ok},
		"a byte more, 2": {interim + fill(maxHead-len(interim)-empty-6) + "\r\n" + framed("", ""), tooLarge},
		"endless":        {framed(strings.Repeat(fill(1000), 1000), ""), tooLarge},
		"lines":          {framed(strings.Repeat(":\n", maxHeadLines-2), ""), ok},
		"a line more":    {framed(strings.Repeat(":\n", maxHeadLines-1), ""), tooLong},
		"lines of two":   {interim + strings.Repeat(":\n", maxHeadLines-4) + "\r\n" + framed("", ""), ok},
		"a line more, 2": {interim + strings.Repeat(":\n", maxHeadLines-3) + "\r\n" + framed("", ""), tooLong},
	} {
		call := &cron.Call{MaxResponse: 1 << 20, Timeout: time.Second}
		x := &exchange{client: New(Config{}), call: call, started: time.Now()}
		conn := &pieces{data: []byte(row.sent)}
		x.finish(t.Context(), x.receive(conn))
		r := &x.result
		if r.Status != row.want.Status || r.HTTPStatus != row.want.HTTPStatus || r.Fault != row.want.Fault ||
			r.Detail != row.want.Detail {
			t.Errorf("%s: %+v", name, r)
		}
		if conn.taken > maxHead {
			t.Errorf("%s: %d bytes were taken", name, conn.taken)
		}
	}
}

// TestReaderForgets checks that nothing of one response, nor a buffer that grew for it, is there for the next.
func TestReaderForgets(t *testing.T) {
	client := New(Config{})
	for i, sent := range []string{
		framed("X: "+strings.Repeat("y", 100_000)+"\r\n", "long"), framed("", "short"), framed("Content-Length: 9\r\n", "half"),
		chunks("2;x\r\nok"), field(""), "HT", framed("", "last"),
	} {
		call := &cron.Call{MaxResponse: 1 << 20, SaveResponse: true, Timeout: time.Second}
		x := &exchange{client: client, call: call, started: time.Now()}
		x.finish(t.Context(), x.receive(&pieces{data: []byte(sent)}))
		in := client.readers.Get().(*reader)
		if in.conn != nil || in.x != nil || in.r != in.w || in.received != 0 || in.err != nil || len(in.buf) > requestSize {
			t.Errorf("after response %d the reader has %d bytes of %d", i, in.w-in.r, len(in.buf))
		}
		client.readers.Put(in)
		if kept := string(x.result.Headers) + string(x.result.Body); kept != "" && !strings.Contains(strings.ReplaceAll(sent,
			"2;x\r\n", ""), kept) && !strings.Contains(sent, okBody) {
			t.Errorf("%q was kept of %q", kept, sent)
		}
	}
}

// TestUntidyLocations checks what a redirect leads to whose Location the standard library would not have taken.
func TestUntidyLocations(t *testing.T) {
	for lines, want := range map[string]string{
		"Location: /b\r\nLocation: /c\r\n": "http://a.test/b",
		"Location:\r\n /b\r\n":             "http://a.test/b",
		"location : /caf\xe9\r\n":          "http://a.test/caf%E9",
		"X\xe9: \x01\r\nLOCATION:/b\v\r\n": "http://a.test/b",
		"Location: \r\n":                   "", // says nothing
		"Location: /a\x01b\r\n":            "refused",
		"Location: /a\r\n b\r\n":           "http://a.test/a%20b",
	} {
		call := &cron.Call{MaxResponse: 1000, Timeout: time.Second, Request: cron.Request{URL: "http://a.test/a"}}
		call.Exchange.FollowRedirects = 1
		x := &exchange{client: New(Config{}), call: call, started: time.Now()}
		x.target, _ = parseTarget(&call.Request)
		err := x.receive(&pieces{data: []byte("HTTP/1.1 302 Found\r\n" + lines + "\r\n")})
		got := ""
		switch {
		case x.chain != nil && x.chain.refused != nil:
			got = "refused"
		case x.chain != nil && x.chain.next != nil:
			got = x.chain.next.request.URL
		}
		if err != nil || got != want {
			t.Errorf("%q: %v, leads to %q, want %q", lines, err, got, want)
		}
	}
}
