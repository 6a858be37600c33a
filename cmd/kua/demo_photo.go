package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"math"
)

// demoPhoto draws a made-up picture and plants in it what a phone would:
// position, name and serial number in Exif, a comment, and an orientation, so
// that the road has something to remove. token stands for the name.
func demoPhoto(token string) ([]byte, error) {
	const w, h = 1200, 900
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			wave := math.Sin(float64(x)/60) + math.Sin(float64(y)/45)
			img.Set(x, y, color.RGBA{uint8(120 + 50*wave), uint8(140 * y / h), uint8(90 + x*100/w), 255})
		}
	}
	face := image.Point{X: 420, Y: 330}
	for y := -110; y <= 110; y++ {
		for x := -90; x <= 90; x++ {
			if x*x*121+y*y*81 > 90*90*121 {
				continue
			}
			c := color.RGBA{226, 180, 140, 255}
			if (y > -40 && y < -20 && (x+35)*(x+35) < 200) || (y > -40 && y < -20 && (x-35)*(x-35) < 200) || (y > 40 && y < 52 && x*x < 1600) {
				c = color.RGBA{60, 40, 40, 255}
			}
			img.Set(face.X+x, face.Y+y, c)
		}
	}
	var pixels bytes.Buffer
	if err := jpeg.Encode(&pixels, img, &jpeg.Options{Quality: 85}); err != nil {
		return nil, err
	}
	b := pixels.Bytes()
	out := append([]byte{}, b[:2]...)
	out = append(out, segment(0xE1, demoExif(token))...)
	out = append(out, segment(0xFE, []byte("made up: comment by "+token))...)
	return append(out, b[2:]...), nil
}

func segment(marker byte, body []byte) []byte {
	head := []byte{0xFF, marker, 0, 0}
	binary.BigEndian.PutUint16(head[2:], uint16(len(body)+2))
	return append(head, body...)
}

// demoExif is a little-endian TIFF with Orientation, Artist and a GPS position
// in the middle of Almaty's Panfilov park.
func demoExif(token string) []byte {
	le := binary.LittleEndian
	artist := append([]byte(token), 0)
	var b []byte
	u16 := func(v uint16) { b = le.AppendUint16(b, v) }
	u32 := func(v uint32) { b = le.AppendUint32(b, v) }
	entry := func(tag, kind uint16, count, value uint32) { u16(tag); u16(kind); u32(count); u32(value) }
	const ifd0, entries0 = 8, 3
	artistAt := uint32(ifd0 + 2 + entries0*12 + 4)
	gpsAt := artistAt + uint32(len(artist)+len(artist)%2)
	ratios := gpsAt + 2 + 4*12 + 4
	b = append(b, 'I', 'I', 42, 0)
	u32(ifd0)
	u16(entries0)
	entry(0x0112, 3, 1, 1)
	entry(0x013B, 2, uint32(len(artist)), artistAt)
	entry(0x8825, 4, 1, gpsAt)
	u32(0)
	b = append(b, artist...)
	if len(artist)%2 == 1 {
		b = append(b, 0)
	}
	u16(4)
	entry(1, 2, 2, 'N')
	entry(2, 5, 3, ratios)
	entry(3, 2, 2, 'E')
	entry(4, 5, 3, ratios+24)
	u32(0)
	for _, v := range []uint32{43, 1, 15, 1, 33, 1, 76, 1, 57, 1, 15, 1} {
		u32(v)
	}
	return append([]byte("Exif\x00\x00"), b...)
}
