package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"sync"
	"testing"

	"punctual/internal/cron"
)

var limits = Limits{Bytes: 1 << 20, Pixels: 1 << 20, Width: 80, Height: 40}

func encoded(t *testing.T, kind string, width, height int) []byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		picture.Set(i%width, i/width, color.RGBA{200, 30, byte(i), 255})
	}
	var (
		b   bytes.Buffer
		err error
	)
	if kind == "jpeg" {
		err = jpeg.Encode(&b, picture, nil)
	} else {
		err = png.Encode(&b, picture)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// chunk is a chunk of a PNG file.
func chunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// bomb is a small PNG file with many pixels.
func bomb(width, height uint32) []byte {
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(make([]byte, 1<<20))
	_ = w.Close()
	file := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(header, 8, 0, 0, 0, 0))...)
	return append(append(file, chunk("IDAT", packed.Bytes())...), chunk("IEND", nil)...)
}

// webpFile is a WebP file of one pixel, lossless.
const webpFile = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="

func TestPNG(t *testing.T) {
	onePixel, err := base64.StdEncoding.DecodeString(webpFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name          string
		file          []byte
		width, height int
	}{
		{"small", encoded(t, "png", 7, 5), 7, 5},
		{"wide", encoded(t, "png", 800, 100), 80, 10},
		{"high", encoded(t, "png", 100, 800), 5, 40},
		{"a line", encoded(t, "png", 4000, 1), 80, 1},
		{"jpeg", encoded(t, "jpeg", 160, 80), 80, 40},
		{"webp", onePixel, 1, 1},
		{"with text", append(encoded(t, "png", 7, 5), "<script>"...), 7, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := New(limits).PNG(t.Context(), test.file)
			if err != nil {
				t.Fatal(err)
			}
			config, err := png.DecodeConfig(bytes.NewReader(got))
			if err != nil || config.Width != test.width || config.Height != test.height {
				t.Errorf("%d × %d, %v", config.Width, config.Height, err)
			}
			if bytes.Contains(got, []byte("<script>")) {
				t.Error("it holds more than pixels")
			}
		})
	}
}

func TestBadPictures(t *testing.T) {
	good := encoded(t, "png", 20, 20)
	for _, test := range []struct {
		name string
		file []byte
		rule cron.Rule
	}{
		{"nothing", nil, cron.RulePicture},
		{"text", []byte("hello"), cron.RulePicture},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), cron.RulePicture},
		{"GIF", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), cron.RulePicture},
		{"cut off", good[:len(good)/2], cron.RulePicture},
		{"only a header", good[:8], cron.RulePicture},
		{"too many pixels", bomb(50_000, 50_000), cron.RulePictureSize},
		{"pixels that overflow", bomb(1<<31-1, 1<<31-1), cron.RulePicture},
		{"too many bytes", []byte(strings.Repeat("x", 1<<20+1)), cron.RuleTooLong},
		{"fewer pixels than it says", bomb(1000, 1048), cron.RulePicture},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(limits).PNG(t.Context(), test.file)
			e, ok := errors.AsType[*cron.Error](err)
			if !ok || e.Kind != cron.Invalid || e.Problems[0].Rule != test.rule {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestOneAtATime converts many at once, and one whose caller has gone.
func TestOneAtATime(t *testing.T) {
	p, file := New(limits), encoded(t, "png", 30, 30)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := p.PNG(t.Context(), file); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(p.turn) != 0 {
		t.Error("a turn was kept")
	}
}
