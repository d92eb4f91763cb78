//go:build !unix

package app

// diskSpace does not know how to ask the operating system.
func diskSpace(string) (free, total int64, ok bool) { return 0, 0, false }

// sameDisk does not know how to ask, either.
func sameDisk(string, string) bool { return true }
