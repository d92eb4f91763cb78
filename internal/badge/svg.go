package badge

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Style is how the image of a badge looks.
type Style int

// The styles.
const (
	Flat       Style = iota
	FlatSquare       // without rounded corners
)

var styleNames = [...]string{Flat: "flat", FlatSquare: "flat-square"}

// String is the name of the style, which is the same with shields.io.
func (s Style) String() string { return styleNames[s] }

// ParseStyle is the style with a name; Flat for an unknown name.
func ParseStyle(name string) Style {
	if name == FlatSquare.String() {
		return FlatSquare
	}
	return Flat
}

// labelGrey is the background of labels.
const labelGrey = "#3b4048"

// SVG draws the label and the message beside each other. A screen reader reads both as the name of the image.
func (b *Badge) SVG(style Style) []byte {
	const padding = 7
	labelText, messageText := textWidth(b.Label), textWidth(b.Message)
	left, width := labelText+2*padding, labelText+messageText+4*padding
	label, message := escapeXML(b.Label), escapeXML(b.Message)
	var image bytes.Buffer
	fmt.Fprintf(&image, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="20" role="img" aria-label="%s: %s">`, width, label, message)
	fmt.Fprintf(&image, `<title>%s: %s</title>`, label, message)
	if style == FlatSquare {
		fmt.Fprintf(&image, `<rect width="%d" height="20" fill="%s"/>`, width, labelGrey)
		fmt.Fprintf(&image, `<path fill="%s" d="M%d 0h%dv20h-%dz"/>`, b.Colour, left, width-left, width-left)
	} else {
		fmt.Fprintf(&image, `<rect width="%d" height="20" rx="3" fill="%s"/>`, width, labelGrey)
		fmt.Fprintf(&image, `<path fill="%s" d="M%d 0h%da3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-%dz"/>`, b.Colour, left, width-left-3, width-left-3)
	}
	image.WriteString(`<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">`)
	fmt.Fprintf(&image, `<text x="%d" y="14" textLength="%d">%s</text>`, padding, labelText, label)
	fmt.Fprintf(&image, `<text x="%d" y="14" textLength="%d">%s</text>`, left+padding, messageText, message)
	image.WriteString("</g></svg>\n")
	return image.Bytes()
}

// widths are those of the characters from U+0020 to U+007E, in tenths of a pixel, in Verdana of 11 pixels.
var widths = [...]int{
	39, 43, 50, 90, 70, 118, 80, 30, 50, 50, 70, 90, 40, 50, 40, 50, // up to the slash
	70, 70, 70, 70, 70, 70, 70, 70, 70, 70, 50, 50, 90, 90, 90, 60, // digits
	110, 75, 75, 77, 85, 70, 63, 85, 83, 46, 50, 76, 61, 93, 82, 87, // up to O
	66, 87, 76, 75, 68, 81, 75, 109, 75, 68, 75, 50, 50, 50, 90, 70, // up to the underscore
	70, 66, 69, 57, 69, 66, 39, 69, 70, 30, 38, 65, 30, 107, 70, 67, // up to o
	69, 69, 47, 57, 43, 70, 65, 90, 65, 65, 58, 70, 50, 70, 90,
}

// textWidth is about how many pixels a text takes; textLength makes it so whatever font there is.
func textWidth(s string) int {
	const other, wide = 75, 120 // wide from the first East Asian characters on
	width := 0
	for _, r := range s {
		switch at := int(r) - ' '; {
		case unicode.Is(unicode.Mn, r): // it stands on the character before
		case at >= 0 && at < len(widths):
			width += widths[at]
		case r >= 0x1100:
			width += wide
		default:
			width += other
		}
	}
	return (width + 9) / 10
}

// escapeXML makes s safe in text and attributes; what XML cannot hold becomes U+FFFD.
func escapeXML(s string) string {
	var b strings.Builder
	b.Grow(len(s) + utf8.UTFMax)
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
