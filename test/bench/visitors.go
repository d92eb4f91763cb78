package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// visitors measures how many visitors of a status page the service can have. Each has a loopback address of its own, since an address has
// limits, and everything goes over TCP. The service has one core, and this process another one.
type visitors struct {
	bench
	people      int // how many visitors
	connections int // of those who reload the page
	requests    int // of each kind that each of those makes
	known       int // visitors so far
	page        string
	component   int64
	api         *apiLoad
}

// visits is what requests of one kind cost.
type visits struct {
	Name      string
	Requests  int
	Failed    int // with another status than the one that is expected
	Bytes     int // of a body, as it is sent
	PerSecond float64
	CPU       float64 // of the service, in microseconds for a request
	Time      lateness
}

// followers is what became of visitors who asked for the events of a page.
type followers struct {
	Streams   int // are told of changes
	Refreshed int // are told to refresh the page
	Failed    int
	Told      int           // of Streams, of one change
	First     time.Duration // after the change
	Last      time.Duration
}

// visitorsReport is the result.
type visitorsReport struct {
	Visits     []visits
	Followers  followers
	PeakMemory int64
	Noise      float64 // share of the machine that other processes used
}

// benchVisitors is the command "visitors".
func benchVisitors(ctx context.Context, args []string) error {
	v := &visitors{bench: bench{sent: make(map[int32]int)}}
	f := flag.NewFlagSet("visitors", flag.ExitOnError)
	f.IntVar(&v.people, "visitors", 10_000, "how many visitors open the page, and follow its events")
	f.IntVar(&v.connections, "connections", 2500, "how many visitors reload the page again and again")
	f.IntVar(&v.requests, "requests", 40, "how often each of them does so, for each kind of request; an address has at most 50 a second")
	f.StringVar(&v.database, "database", "", databaseUsage)
	f.StringVar(&v.binary, "binary", "", "the service's binary; without it one is built")
	f.IntVar(&v.firstPort, "first-port", 21000, "the service listens on the port before it")
	f.BoolVar(&v.busy, "busy", false, "report figures also when other processes use more than 5 % of the machine")
	asJSON := f.Bool("json", false, "print JSON instead of a table")
	_ = f.Parse(args) // exits on an error
	runtime.GOMAXPROCS(1)
	var r visitorsReport
	err := withDatabase(&v.options, func() (err error) {
		r, err = v.run(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return show(*asJSON, &r)
}

// run performs the whole benchmark.
func (v *visitors) run(ctx context.Context) (r visitorsReport, err error) {
	if v.dir, err = os.MkdirTemp("", "punctual-bench"); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(v.dir)) }()
	if err := v.build(ctx); err != nil {
		return r, err
	}
	if err := v.awaitQuiet(ctx); err != nil {
		return r, err
	}
	v.accounts, v.nodes, v.env = 1, 1, "GOMAXPROCS=1"
	if err := v.seed(ctx); err != nil {
		return r, fmt.Errorf("seed: %w", err)
	}
	defer func() { v.server.kill() }()
	if err := v.startServer(ctx); err != nil {
		return r, fmt.Errorf("start the service: %w", err)
	}
	defer func() { err = errors.Join(err, v.db.Close()) }()
	if err := v.publish(ctx); err != nil {
		return r, err
	}
	before := v.now()
	if r.Visits, err = v.measureVisits(ctx); err != nil {
		return r, err
	}
	if r.Followers, err = v.measureFollowers(ctx); err != nil {
		return r, err
	}
	used := v.now().since(before).shares()
	r.Noise = used.Others
	r.PeakMemory = v.server.peakMemory()
	if !v.busy {
		err = used.refuse(true)
	}
	return r, err
}

// publish makes a page as large as one may be: 100 components with 90 days, on some of which there were incidents.
func (v *visitors) publish(ctx context.Context) error {
	v.api = &apiLoad{base: v.url(), client: http.DefaultClient}
	type fields = map[string]any
	call := func(method, path string, body, to any) error {
		sent, err := json.Marshal(body)
		if err != nil {
			return err
		}
		answer, err := v.api.call(ctx, method, path, v.keys[0], sent)
		if err != nil || to == nil {
			return err
		}
		return json.Unmarshal(answer, to)
	}
	var groups, components []fields
	for i := range 10 {
		groups = append(groups, fields{"title": fmt.Sprintf("Region %d", i+1)})
	}
	for i := range 100 {
		components = append(components, fields{"title": fmt.Sprintf("Service %d", i+1), "group": fmt.Sprintf("Region %d", i/10+1)})
	}
	var made struct {
		StatusPageID int64 `json:"statusPageId"`
	}
	if err := call("POST", "/statuspages", fields{"statusPage": fields{"title": "Systems", "slug": "systems", "published": true, "groups": groups,
		"components": components}}, &made); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	v.page = fmt.Sprintf("/statuspages/%d", made.StatusPageID)
	var read struct {
		StatusPage struct {
			Components []struct {
				ComponentID int64 `json:"componentId"`
			} `json:"components"`
		} `json:"statusPage"`
	}
	if err := call("GET", v.page, nil, &read); err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	list := read.StatusPage.Components
	v.component = list[0].ComponentID
	now := time.Now()
	for i := range 30 {
		began := now.Add(-time.Duration(i*3+1) * 24 * time.Hour)
		var incident struct {
			IncidentID int64 `json:"incidentId"`
		}
		impact := fields{"componentId": list[i*7%len(list)].ComponentID, "state": "partialOutage"}
		err := call("POST", v.page+"/incidents", fields{"incident": fields{"title": fmt.Sprintf("Outage %d", i+1), "update": fields{"phase": "investigating",
			"text": "We look into it.", "at": began.Unix(), "impacts": []fields{impact}}}}, &incident)
		if err == nil {
			err = call("POST", fmt.Sprintf("%s/incidents/%d/updates", v.page, incident.IncidentID), fields{"update": fields{"phase": "resolved",
				"text": "It works again.", "at": began.Add(2 * time.Hour).Unix()}}, nil)
		}
		if err != nil {
			return fmt.Errorf("write an incident: %w", err)
		}
	}
	return v.change(ctx, "operational")
}

// change sets the state of a component.
func (v *visitors) change(ctx context.Context, state string) error {
	_, err := v.api.call(ctx, "POST", fmt.Sprintf("%s/components/%d/state", v.page, v.component), v.keys[0], fmt.Appendf(nil, `{"state":%q}`, state))
	return err
}

// visitor is a connection from an address of its own.
type visitor struct {
	conn net.Conn
	in   *bufio.Reader
}

// connect is a connection of visitor number i of those who are not known yet.
func (v *visitors) connect(ctx context.Context, i int) (*visitor, error) {
	i += v.known
	from := &net.TCPAddr{IP: net.IPv4(127, byte(2+i>>16), byte(i>>8), byte(i))}
	conn, err := (&net.Dialer{LocalAddr: from}).DialContext(ctx, "tcp", strings.TrimPrefix(v.url(), "http://"))
	if err != nil {
		return nil, err
	}
	return &visitor{conn, bufio.NewReader(conn)}, nil
}

// ask sends a request and reads the head of the answer.
func (p *visitor) ask(request string) (*http.Response, error) {
	if _, err := io.WriteString(p.conn, request); err != nil {
		return nil, err
	}
	return http.ReadResponse(p.in, nil)
}

// request is a request for a path of the page.
func request(path string, headers ...string) string {
	return "GET /status/systems" + path + " HTTP/1.1\r\nHost: status.example.com\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

const packed = "Accept-Encoding: gzip"

// measureVisits lets visitors open the page, and reload it.
func (v *visitors) measureVisits(ctx context.Context) (all []visits, err error) {
	etag, err := v.etag(ctx)
	if err != nil {
		return nil, err
	}
	for _, kind := range []struct {
		name    string
		request string
		status  int
		once    bool
	}{
		{"HTML, new connections", request("", packed), 200, true},
		{"HTML", request("", packed), 200, false},
		{"HTML, not compressed", request(""), 200, false},
		{"JSON", request(".json", packed), 200, false},
		{"not modified", request("", packed, "If-None-Match: "+etag), 304, false},
	} {
		before, start, result := v.server.cpu(), time.Now(), visits{Name: kind.name}
		if kind.once {
			err = v.open(ctx, kind.request, &result)
		} else {
			err = v.reload(ctx, kind.request, kind.status, &result)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind.name, err)
		}
		result.PerSecond = float64(result.Requests) / time.Since(start).Seconds()
		result.CPU = micros(v.server.cpu()-before) / float64(result.Requests)
		all = append(all, result)
	}
	return all, nil
}

func (v *visitors) etag(ctx context.Context) (string, error) {
	p, err := v.connect(ctx, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = p.conn.Close() }()
	answer, err := p.ask(request("", packed))
	if err != nil {
		return "", err
	}
	return answer.Header.Get("Etag"), nil
}

// exchange makes a request and notes its result.
func (v *visits) exchange(p *visitor, request string, status int, mu *sync.Mutex, times *[]time.Duration) error {
	start := time.Now()
	answer, err := p.ask(request)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, answer.Body)
	took := time.Since(start)
	mu.Lock()
	defer mu.Unlock()
	*times = append(*times, took)
	if v.Requests++; answer.StatusCode != status {
		v.Failed++
	} else {
		v.Bytes = int(n)
	}
	return err
}

// openAtOnce is how many visitors open the page at the same time.
const openAtOnce = 64

// open has each visitor read the page once, on a connection of their own.
func (v *visitors) open(ctx context.Context, request string, result *visits) error {
	defer func() { v.known += v.people }()
	return together(openAtOnce, result, func(worker int, mu *sync.Mutex, times *[]time.Duration) error {
		for i := worker; i < v.people; i += openAtOnce {
			p, err := v.connect(ctx, i)
			if err != nil {
				return err
			}
			err = result.exchange(p, request, http.StatusOK, mu, times)
			if err := errors.Join(err, p.conn.Close()); err != nil {
				return err
			}
		}
		return nil
	})
}

// reload has visitors make requests on connections that stay open.
func (v *visitors) reload(ctx context.Context, request string, status int, result *visits) error {
	defer func() { v.known += v.connections }()
	return together(v.connections, result, func(worker int, mu *sync.Mutex, times *[]time.Duration) error {
		p, err := v.connect(ctx, worker)
		if err != nil {
			return err
		}
		defer func() { _ = p.conn.Close() }()
		for range v.requests {
			if err := result.exchange(p, request, status, mu, times); err != nil {
				return err
			}
		}
		return nil
	})
}

// together has several workers make requests, and notes how long those took.
func together(workers int, result *visits, work func(worker int, mu *sync.Mutex, times *[]time.Duration) error) error {
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		times   []time.Duration
		failed  error
	)
	for worker := range workers {
		running.Go(func() {
			err := work(worker, &mu, &times)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
		})
	}
	running.Wait()
	result.Time = percentiles(times)
	return failed
}

// measureFollowers has each visitor ask for the events of the page, and then changes it.
func (v *visitors) measureFollowers(ctx context.Context) (f followers, err error) {
	var (
		running sync.WaitGroup
		streams []*visitor
		told    = make(chan time.Time, v.people)
	)
	defer func() {
		for _, p := range streams {
			_ = p.conn.Close()
		}
		running.Wait()
	}()
	for number := range v.people {
		p, err := v.connect(ctx, number)
		if err != nil {
			return f, err
		}
		answer, err := p.ask(request("/events"))
		if err != nil || answer.StatusCode != http.StatusOK {
			_ = p.conn.Close()
			if err == nil && answer.StatusCode == http.StatusNoContent {
				f.Refreshed++
			} else {
				f.Failed++
			}
			continue
		}
		f.Streams++
		streams = append(streams, p)
		running.Go(func() {
			for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
				if lines.Text() == "event: change" {
					told <- time.Now()
				}
			}
		})
	}
	if err := v.change(ctx, "degraded"); err != nil {
		return f, err
	}
	changed := time.Now()
	for limit := time.After(time.Minute); f.Told < f.Streams; f.Told++ {
		select {
		case at := <-told:
			if f.Last = at.Sub(changed); f.Told == 0 {
				f.First = f.Last
			}
		case <-limit:
			return f, nil
		case <-ctx.Done():
			return f, ctx.Err()
		}
	}
	return f, nil
}

// print writes the report as a table.
func (r *visitorsReport) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "request\tanswers\tfailed\tbytes\tper second\tCPU of the service\tp50\tp99\tmax\t")
	for _, x := range r.Visits {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.0f\t%.1f µs\t%s\t%s\t%s\t\n", x.Name, x.Requests, x.Failed, x.Bytes, x.PerSecond, x.CPU,
			ms(x.Time.P50), ms(x.Time.P99), ms(x.Time.Max))
	}
	_ = t.Flush()
	f := &r.Followers
	_, _ = fmt.Fprintf(w, "events: %d streams, %d told to refresh, %d failed; a change reached %d of them %s to %s after it\n", f.Streams, f.Refreshed,
		f.Failed, f.Told, ms(f.First), ms(f.Last))
	_, _ = fmt.Fprintf(w, "peak memory %.0f MB; other processes used %.0f %% of the machine\n", float64(r.PeakMemory)/1e6, 100*r.Noise)
}
