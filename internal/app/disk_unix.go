//go:build unix

package app

import "golang.org/x/sys/unix"

// diskSpace is how many bytes of a directory's file system are free for this process, and how many there are; ok is false when the
// operating system does not tell.
func diskSpace(dir string) (free, total int64, ok bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, false
	}
	block := int64(s.Bsize) // whose type differs between systems
	return int64(s.Bavail) * block, int64(s.Blocks) * block, true
}

// sameDisk tells whether two directories are on one file system.
func sameDisk(a, b string) bool {
	var x, y unix.Stat_t
	return unix.Stat(a, &x) == nil && unix.Stat(b, &y) == nil && x.Dev == y.Dev
}
