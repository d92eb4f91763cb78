package fetch

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"strconv"
)

// askSOCKS asks for a tunnel by SOCKS5 (RFC 1928), with user and password if there are some (RFC 1929). asked is set once the request was
// sent.
func (x *exchange) askSOCKS(t *tunnel, asked *bool) error {
	p := x.client.proxy
	const none, password, unacceptable = 0, 2, 0xff
	method := byte(none)
	if p.login != "" {
		method = password
	}
	var answer [4]byte
	if err := socksStep(t.Conn, []byte{5, 1, method}, answer[:2]); err != nil {
		return err
	}
	switch {
	case answer[0] != 5:
		return malformed("it begins with " + quote(answer[:2]))
	case answer[1] != method:
		return &tunnelRefused{refusalLogin, "that it accepts no login of this kind"}
	}
	if method == password {
		b := append([]byte{1, byte(len(p.config.User))}, p.config.User...)
		b = append(append(b, byte(len(p.config.Password))), p.config.Password...)
		if err := socksStep(t.Conn, b, answer[:2]); err != nil {
			return err
		}
		if answer[1] != 0 {
			return &tunnelRefused{refusalLogin, "that user or password are wrong"}
		}
	}
	*asked = true
	if err := socksStep(t.Conn, t.appendSOCKS([]byte{5, 1, 0}, x), answer[:4]); err != nil {
		return err
	}
	if answer[0] != 5 {
		return malformed("it begins with " + quote(answer[:4]))
	}
	if answer[1] != 0 {
		return &tunnelRefused{socksRefusal(answer[1], t.target.Addr()), "code " + strconv.Itoa(int(answer[1]))}
	}
	if err := skipBound(t.Conn, answer[3]); err != nil {
		return err
	}
	p.silences.end()
	return nil
}

// socksStep sends a message and reads the start of the answer, as long as the given slice.
func socksStep(conn io.ReadWriter, message, answer []byte) error {
	if _, err := conn.Write(message); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, answer)
	return err
}

// appendSOCKS appends the target and its port to b.
func (t *tunnel) appendSOCKS(b []byte, x *exchange) []byte {
	const ipv4, name, ipv6 = 1, 3, 4
	switch addr := t.target.Addr(); {
	case !addr.IsValid():
		b = append(append(b, name, byte(len(x.target.host))), x.target.host...) // at most 254 bytes
	case addr.Is4():
		b = append(append(b, ipv4), addr.AsSlice()...)
	default:
		b = append(append(b, ipv6), addr.AsSlice()...)
	}
	return binary.BigEndian.AppendUint16(b, x.target.port)
}

// skipBound reads the address that the proxy connects from, which ends its answer. Nothing behind it is read.
func skipBound(conn io.Reader, kind byte) error {
	var b [256 + 2]byte
	size := 0
	switch kind {
	case 1:
		size = 4
	case 4:
		size = 16
	case 3:
		if _, err := io.ReadFull(conn, b[:1]); err != nil {
			return err
		}
		size = int(b[0])
	default:
		return malformed(fmt.Sprintf("the type of its address is %d", kind))
	}
	_, err := io.ReadFull(conn, b[:size+2])
	return err
}

// socksRefusal is what a reply code means (RFC 1928, section 6) after a request for an address, or for a name with the zero value.
func socksRefusal(code byte, addr netip.Addr) refusal {
	switch code {
	case 1:
		return refusalGeneral
	case 2:
		return refusalForbidden
	case 3, 4, 6: // no route to the network or the host, and a time to live that was over
		return refusalUnreachable
	case 5:
		return refusalRefused
	case 8: // the type of address is not supported
		if addr.Is6() { // like a machine without IPv6
			return refusalUnreachable
		}
	}
	return refusalBroken
}
