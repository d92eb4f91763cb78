// Package picture makes PNG files of pictures that people upload, so that what is served is what this package wrote, and nothing that a
// stranger made.
package picture

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"image/png"
	"net/http"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"punctual/internal/cron"
)

// Limits are how large a picture may be, and how large it becomes.
type Limits struct {
	Bytes         int // of the file
	Pixels        int // width times height of the file
	Width, Height int // to which a larger one is reduced
}

// Pictures makes pictures, one at a time: each can take much memory while it is decoded.
type Pictures struct {
	limits Limits
	turn   chan struct{}
}

// New makes a Pictures.
func New(limits Limits) *Pictures { return &Pictures{limits, make(chan struct{}, 1)} }

// format is a kind of file.
type format struct {
	config func(*bytes.Reader) (image.Config, error)
	decode func(*bytes.Reader) (image.Image, error)
}

// formats are those that are read, by media type. There is no SVG among them, which can hold scripts.
var formats = map[string]format{
	"image/png": {
		func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) },
	},
	"image/jpeg": {
		func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) },
	},
	"image/webp": {
		func(r *bytes.Reader) (image.Config, error) { return webp.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return webp.Decode(r) },
	},
}

// PNG makes a PNG file of a PNG, JPEG or WebP file, without anything but its pixels. How many there are is looked at before they are
// decoded. The error is of kind Invalid for a file that is too large or cannot be read.
func (p *Pictures) PNG(ctx context.Context, file []byte) ([]byte, error) {
	if len(file) > p.limits.Bytes {
		return nil, invalid(cron.Problem{Rule: cron.RuleTooLong, Limit: int64(p.limits.Bytes), Unit: cron.UnitBytes})
	}
	f, known := formats[http.DetectContentType(file)]
	if !known {
		return nil, invalid(cron.Problem{Rule: cron.RulePicture})
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return p.convert(f, file)
}

func (p *Pictures) convert(f format, file []byte) (made []byte, err error) {
	defer func() {
		if recover() != nil { // the decoders read what strangers wrote
			made, err = nil, invalid(cron.Problem{Rule: cron.RulePicture})
		}
	}()
	config, err := f.config(bytes.NewReader(file))
	if err != nil || config.Width < 1 || config.Height < 1 {
		return nil, invalid(cron.Problem{Rule: cron.RulePicture})
	}
	if config.Width > p.limits.Pixels/config.Height {
		return nil, invalid(cron.Problem{Rule: cron.RulePictureSize, Limit: int64(p.limits.Pixels)})
	}
	decoded, err := f.decode(bytes.NewReader(file))
	if err != nil {
		return nil, invalid(cron.Problem{Rule: cron.RulePicture})
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, p.reduce(decoded)); err != nil {
		return nil, invalid(cron.Problem{Rule: cron.RulePicture})
	}
	return b.Bytes(), nil
}

// reduce makes a picture fit, and keeps its proportions.
func (p *Pictures) reduce(from image.Image) image.Image {
	width, height := from.Bounds().Dx(), from.Bounds().Dy()
	if width > p.limits.Width {
		width, height = p.limits.Width, max(height*p.limits.Width/width, 1)
	}
	if height > p.limits.Height {
		width, height = max(width*p.limits.Height/height, 1), p.limits.Height
	}
	to := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(to, to.Bounds(), from, from.Bounds(), draw.Src, nil)
	return to
}

func invalid(p cron.Problem) error {
	return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{p}}
}
