package store

import "slices"

// maxWaiting is how many calls of one account may wait on one node at once: for the writer, for a connection, or for
// each other.
const maxWaiting = 64

// fairQueue is first in, first out within an account, and round-robin over the accounts: an account with hundreds of
// waiting calls delays the next call of another account by one call. The zero value is ready for use.
type fairQueue[T comparable] struct {
	waiting map[int64][]T // by account; never empty
	round   []int64       // the accounts that wait, in the order in which they are served
}

// push adds an item; false when the account has too many waiting.
func (f *fairQueue[T]) push(account int64, item T) bool {
	items := f.waiting[account]
	if len(items) >= maxWaiting {
		return false
	}
	if f.waiting == nil {
		f.waiting = make(map[int64][]T)
	}
	if len(items) == 0 {
		f.round = append(f.round, account)
	}
	f.waiting[account] = append(items, item)
	return true
}

// unpop returns an item that pop has just removed to the front.
func (f *fairQueue[T]) unpop(account int64, item T) {
	if f.waiting == nil {
		f.waiting = make(map[int64][]T)
	}
	f.waiting[account] = slices.Insert(f.waiting[account], 0, item)
	f.round = slices.DeleteFunc(f.round, func(a int64) bool { return a == account })
	f.round = slices.Insert(f.round, 0, account)
}

// pop removes the next item of the next account that may proceed, and moves the account to the end of the round.
func (f *fairQueue[T]) pop(may func(account int64) bool) (account int64, item T, ok bool) {
	at := slices.IndexFunc(f.round, may)
	if at < 0 {
		return 0, item, false
	}
	account = f.round[at]
	items := f.waiting[account]
	f.round = slices.Delete(f.round, at, at+1)
	if len(items) == 1 {
		delete(f.waiting, account)
	} else {
		f.waiting[account] = items[1:]
		f.round = append(f.round, account)
	}
	return account, items[0], true
}

// remove takes out an item; false when it is not waiting any more.
func (f *fairQueue[T]) remove(account int64, item T) bool {
	items := f.waiting[account]
	at := slices.Index(items, item)
	if at < 0 {
		return false
	}
	if len(items) == 1 {
		delete(f.waiting, account)
		f.round = slices.DeleteFunc(f.round, func(a int64) bool { return a == account })
		return true
	}
	f.waiting[account] = slices.Concat(items[:at], items[at+1:])
	return true
}

// empty tells that no item waits.
func (f *fairQueue[T]) empty() bool { return len(f.round) == 0 }

// anyAccount allows every account.
func anyAccount(int64) bool { return true }
