//go:build !unix

package fetch

import (
	"errors"
	"net"
)

// canKeep says whether this system can tell that a kept connection is still open without waiting.
const canKeep = false

func readNow(net.Conn, []byte, bool) (int, error) { return 0, errors.ErrUnsupported }
