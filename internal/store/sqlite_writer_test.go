package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// openWriter starts a writer on a database with the table t of one column n. Both are closed with the test.
func openWriter(t *testing.T) (*writer, *sql.DB) {
	t.Helper()
	w, db := startWriter(t)
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	return w, db
}

// startWriter is openWriter for a test that closes the writer itself.
func startWriter(t *testing.T) (*writer, *sql.DB) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "test.db")+"?_journal_mode=wal&_foreign_keys=on")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT`); err != nil {
		t.Fatal(err)
	}
	w, err := newWriter(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return w, db
}

// named is writes that record the order in which they run.
type named struct {
	w     *writer
	order []string
	done  []<-chan error
}

// begin begins a write and returns once it waits.
func (n *named) begin(t *testing.T, u turn, name string) {
	t.Helper()
	n.done = append(n.done, begin(t.Context(), n.w, u, func(context.Context, queryer) error {
		n.order = append(n.order, name)
		return nil
	}))
}

// wait waits for all writes and returns their names in the order in which they ran.
func (n *named) wait(t *testing.T) []string {
	t.Helper()
	for _, d := range n.done {
		if err := <-d; err != nil {
			t.Error(err)
		}
	}
	return n.order
}

// insert is a write of one number.
func insert(n int) func(context.Context, queryer) error {
	return func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `INSERT INTO t VALUES ($1)`, n)
		return err
	}
}

// numbers reads the table.
func numbers(t *testing.T, db *sql.DB) (all []int) {
	t.Helper()
	rows, err := db.Query(`SELECT n FROM t ORDER BY n`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// busy blocks the writer with a write until release is called, so that writes that begin meanwhile wait together.
func busy(t *testing.T, w *writer) (release func()) {
	t.Helper()
	var (
		started = make(chan struct{})
		end     = make(chan struct{})
		done    = make(chan error)
	)
	go func() {
		done <- w.do(t.Context(), results, func(context.Context, queryer) error {
			close(started)
			<-end
			return nil
		})
	}()
	<-started
	return func() {
		t.Helper()
		close(end)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// begin begins a write and returns once it waits. The channel receives its error.
func begin(ctx context.Context, w *writer, u turn, fn func(context.Context, queryer) error) <-chan error {
	waits := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.first) + len(w.calls.waiting[u.account]) + len(w.batches)
	}
	before := waits()
	done := make(chan error, 1)
	go func() { done <- w.do(ctx, u, fn) }()
	for {
		if waits() > before {
			return done
		}
	}
}

func TestWriterGroup(t *testing.T) {
	w, db := openWriter(t)
	release := busy(t, w)
	refused := errors.New("refused")
	var (
		done  []<-chan error
		ended [6]bool // seen by the last write, which shares the transaction of the others
	)
	for n := range 5 {
		done = append(done, begin(t.Context(), w, ofAccount(1), func(ctx context.Context, q queryer) error {
			if err := insert(n)(ctx, q); err != nil {
				return err
			}
			if n == 2 {
				return refused
			}
			return nil
		}))
	}
	done = append(done, begin(t.Context(), w, ofAccount(1), func(ctx context.Context, q queryer) error {
		for n, d := range done {
			ended[n] = len(d) > 0
		}
		return insert(1)(ctx, q) // which is there already
	}))
	release()
	var failed []int
	for n, d := range done {
		if err := <-d; err != nil {
			failed = append(failed, n)
			if n == 2 && err != refused {
				t.Errorf("write 2 fails with %v, want the error as it is", err)
			}
		}
	}
	if want := []int{2, 5}; !slices.Equal(failed, want) {
		t.Errorf("the writes %v failed, want %v", failed, want)
	}
	if got, want := numbers(t, db), []int{0, 1, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("the table has %v, want %v", got, want)
	}
	if ended != [6]bool{} {
		t.Errorf("writes ended before the transaction that they share: %v", ended)
	}
}

// TestWriterFirstFails has the writes fail that come first in a group, and so have no savepoint: they are undone, and the others are not.
func TestWriterFirstFails(t *testing.T) {
	t.Parallel()
	w, db := openWriter(t)
	release := busy(t, w)
	refused := errors.New("refused")
	var done []<-chan error
	for n := range 5 {
		done = append(done, begin(t.Context(), w, claims, func(ctx context.Context, q queryer) error {
			if err := insert(n)(ctx, q); err != nil || n > 1 {
				return err
			}
			return refused
		}))
	}
	release()
	for n, d := range done {
		if err := <-d; (n <= 1) != (err == refused) || n > 1 && err != nil {
			t.Errorf("write %d ends with %v", n, err)
		}
	}
	if got, want := numbers(t, db), []int{2, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("the table has %v, want %v", got, want)
	}
}

// TestWriterScheduleFails has a write of the schedule fail after others of its group, which are run again and are committed once.
func TestWriterScheduleFails(t *testing.T) {
	t.Parallel()
	w, db := openWriter(t)
	w.now = func() time.Time { return time.Time{} } // so that no group is full
	release := busy(t, w)
	refused := errors.New("refused")
	var runs [5]int
	var done []<-chan error
	for n, u := range []turn{claims, ofAccount(1), results, upkeep, results} {
		done = append(done, begin(t.Context(), w, u, func(ctx context.Context, q queryer) error {
			runs[n]++
			if err := insert(n)(ctx, q); err != nil || n != 2 {
				return err
			}
			return refused
		}))
	}
	w.mu.Lock()
	w.batchesSkipped = true // so that batches are in the next group
	w.mu.Unlock()
	release()
	for n, d := range done {
		if err := <-d; (n == 2) != (err == refused) || n != 2 && err != nil {
			t.Errorf("write %d ends with %v", n, err)
		}
	}
	if got, want := numbers(t, db), []int{0, 1, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("the table has %v, want %v", got, want)
	}
	if want := [5]int{2, 2, 2, 1, 1}; runs != want {
		t.Errorf("the writes ran %v times, want %v", runs, want)
	}
}

// TestWriterFailsOnRequest has the calls of an account fail in a group with a claim, which is not run again for that.
func TestWriterFailsOnRequest(t *testing.T) {
	t.Parallel()
	w, db := openWriter(t)
	release := busy(t, w)
	refused := errors.New("refused")
	claimed := 0
	done := []<-chan error{begin(t.Context(), w, claims, func(ctx context.Context, q queryer) error {
		claimed++
		return insert(0)(ctx, q)
	})}
	for n := range 3 {
		done = append(done, begin(t.Context(), w, ofAccount(1), func(ctx context.Context, q queryer) error {
			if err := insert(n+1)(ctx, q); err != nil {
				return err
			}
			return refused
		}))
	}
	release()
	for n, d := range done {
		if err := <-d; (n == 0) != (err == nil) {
			t.Errorf("write %d ends with %v", n, err)
		}
	}
	if got, want := numbers(t, db), []int{0}; claimed != 1 || !slices.Equal(got, want) {
		t.Errorf("the claim ran %d times and the table has %v, want once and %v", claimed, got, want)
	}
}

func TestWriterOrder(t *testing.T) {
	w, _ := openWriter(t)
	release := busy(t, w)
	writes := named{w: w}
	writes.begin(t, results, "batch 1")
	writes.begin(t, ofAccount(1), "user 1")
	writes.begin(t, results, "batch 2")
	writes.begin(t, ofAccount(1), "user 2")
	release()
	order := writes.wait(t)
	if want := []string{"user 1", "user 2", "batch 1", "batch 2"}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
}

// TestWriterOvertaking takes groups while there are always urgent writes: batches are left out of every other group.
func TestWriterOvertaking(t *testing.T) {
	var w writer
	put := func(u turn) {
		if err := w.put(&write{turn: u}); err != nil {
			t.Fatal(err)
		}
	}
	put(results)
	for i, want := range []int{1, 2, 1, 2} {
		put(claims)
		if group, _ := w.take(); len(group) != want {
			t.Errorf("group %d has %d writes, want %d", i, len(group), want)
		}
		if i%2 == 1 {
			put(results)
		}
	}
	if group, _ := w.take(); len(group) != 1 {
		t.Errorf("the last group has %d writes, want the batched one", len(group))
	}
}

func TestWriterMoreThanOneGroup(t *testing.T) {
	w, db := openWriter(t)
	release := busy(t, w)
	var done []<-chan error
	for n := range 2*maxGroup + 10 {
		done = append(done, begin(t.Context(), w, []turn{claims, ofAccount(int64(n)), results}[n%3], insert(n)))
	}
	release()
	for n, d := range done {
		if err := <-d; err != nil {
			t.Errorf("write %d: %v", n, err)
		}
	}
	if got := len(numbers(t, db)); got != len(done) {
		t.Errorf("the table has %d rows, want %d", got, len(done))
	}
}

func TestWriterCancel(t *testing.T) {
	w, db := openWriter(t)
	for _, others := range []int{0, 3} { // alone in its transaction, and with others
		release := busy(t, w)
		ctx, cancel := context.WithCancel(t.Context())
		taken := begin(ctx, w, ofAccount(1), func(ctx context.Context, q queryer) error {
			t.Error("a write ran although its caller had gone")
			return insert(1000)(ctx, q)
		})
		var done []<-chan error
		for n := range others {
			done = append(done, begin(t.Context(), w, ofAccount(1), insert(n)))
		}
		cancel()
		release()
		if err := <-taken; !errors.Is(err, context.Canceled) {
			t.Errorf("the write that was taken back ends with %v", err)
		}
		for _, d := range done {
			if err := <-d; err != nil {
				t.Error(err)
			}
		}
	}
	if got, want := numbers(t, db), []int{0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("the table has %v, want %v", got, want)
	}
}

// TestWriterCarriesThrough cancels a write that has begun, which is completed.
func TestWriterCarriesThrough(t *testing.T) {
	w, db := openWriter(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := w.do(ctx, ofAccount(1), func(ctx context.Context, q queryer) error {
		if err := insert(1)(ctx, q); err != nil {
			return err
		}
		cancel()
		return insert(2)(ctx, q)
	})
	if err != nil {
		t.Error(err)
	}
	if got, want := numbers(t, db), []int{1, 2}; !slices.Equal(got, want) {
		t.Errorf("the table has %v, want %v", got, want)
	}
}

func TestWriterAlone(t *testing.T) {
	w, db := openWriter(t)
	refused := errors.New("refused")
	err := w.do(t.Context(), ofAccount(1), func(ctx context.Context, q queryer) error {
		return errors.Join(insert(1)(ctx, q), refused)
	})
	if !errors.Is(err, refused) {
		t.Errorf("the error is %v, want %v", err, refused)
	}
	if err := w.do(t.Context(), ofAccount(1), insert(2)); err != nil {
		t.Error(err)
	}
	if got, want := numbers(t, db), []int{2}; !slices.Equal(got, want) {
		t.Errorf("the table has %v, want %v", got, want)
	}
}

// TestWriterBrokenTransaction has a statement that rolls back the whole group, and a commit that fails.
func TestWriterBrokenTransaction(t *testing.T) {
	w, db := openWriter(t)
	if _, err := db.Exec(`CREATE TABLE child (n INTEGER REFERENCES t DEFERRABLE INITIALLY DEFERRED) STRICT`); err != nil {
		t.Fatal(err)
	}
	for name, statement := range map[string]string{
		"a statement ends the transaction": `INSERT OR ROLLBACK INTO t VALUES (0), (0)`,
		"the commit fails":                 `INSERT INTO child VALUES (1000)`,
	} {
		release := busy(t, w)
		var done []<-chan error
		for n := range 3 {
			done = append(done, begin(t.Context(), w, ofAccount(1), func(ctx context.Context, q queryer) error {
				if n == 1 {
					_, err := q.ExecContext(ctx, statement)
					return err
				}
				return insert(n)(ctx, q)
			}))
		}
		release()
		for n, d := range done {
			if err := <-d; err == nil {
				t.Errorf("%s: write %d reports no error", name, n)
			}
		}
		if got := numbers(t, db); len(got) != 0 {
			t.Errorf("%s: the table has %v", name, got)
		}
		if err := w.do(t.Context(), ofAccount(1), func(ctx context.Context, q queryer) error {
			if err := insert(7)(ctx, q); err != nil {
				return err
			}
			_, err := q.ExecContext(ctx, `DELETE FROM t`)
			return err
		}); err != nil {
			t.Errorf("%s: the next write: %v", name, err)
		}
	}
}

func TestWriterClose(t *testing.T) {
	w, db := startWriter(t)
	release := busy(t, w)
	var done []<-chan error
	for n := range 3 {
		done = append(done, begin(t.Context(), w, results, insert(n)))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	release()
	wg.Wait()
	for n, d := range done {
		if err := <-d; err != nil {
			t.Errorf("write %d, which waited: %v", n, err)
		}
	}
	if err := w.do(t.Context(), ofAccount(1), insert(3)); !errors.Is(err, errClosed) {
		t.Errorf("a write after the end reports %v, want %v", err, errClosed)
	}
	if got, want := numbers(t, db), []int{0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("the table has %v, want %v", got, want)
	}
}
