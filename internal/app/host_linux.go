package app

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
)

// hostID is the same for processes that share the loopback addresses: those of one network namespace of one boot of a machine. It is empty
// where that cannot be read.
func hostID() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	namespace, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(append(boot, namespace...))
	return hex.EncodeToString(sum[:16])
}
