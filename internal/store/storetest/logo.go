package storetest

import (
	"bytes"
	"image"
	"image/png"
)

// Logo is a PNG file of one pixel.
func Logo() []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}
