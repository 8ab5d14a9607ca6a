package tlv

import (
	"encoding/binary"
	"math"
)

// Writer builds an encoding in memory. Numbers take the fewest octets (A.7.2
// allows any, and A.2.4 of the certificates asks for the fewest). The zero
// Writer is ready.
type Writer struct {
	buf []byte
}

// Bytes returns what was written. Containers that were begun and not ended are
// the caller's mistake.
func (w *Writer) Bytes() []byte { return w.buf }

// Len is how many octets were written.
func (w *Writer) Len() int { return len(w.buf) }

// Truncate takes back all after the first n octets.
func (w *Writer) Truncate(n int) { w.buf = w.buf[:n] }

func (w *Writer) head(t Tag, kind byte) {
	w.buf = append(w.buf, byte(t.form)<<5|kind)
	switch t.form {
	case context:
		w.buf = append(w.buf, byte(t.number))
	case common2, implicit2:
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(t.number))
	case common4, implicit4:
		w.buf = binary.LittleEndian.AppendUint32(w.buf, t.number)
	case full6, full8:
		w.buf = binary.LittleEndian.AppendUint16(w.buf, t.vendor)
		w.buf = binary.LittleEndian.AppendUint16(w.buf, t.scope)
		if t.form == full6 {
			w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(t.number))
		} else {
			w.buf = binary.LittleEndian.AppendUint32(w.buf, t.number)
		}
	}
}

// number writes the lower octets of n after a control octet that says how many.
func (w *Writer) number(t Tag, kind byte, n uint64, log int) {
	w.head(t, kind+byte(log))
	var wide [8]byte
	binary.LittleEndian.PutUint64(wide[:], n)
	w.buf = append(w.buf, wide[:1<<log]...)
}

// Uint writes an unsigned number.
func (w *Writer) Uint(t Tag, n uint64) {
	log := 3
	for log > 0 && n>>(8<<(log-1)) == 0 {
		log--
	}
	w.number(t, typeUint, n, log)
}

// Int writes a signed number.
func (w *Writer) Int(t Tag, n int64) {
	log := 3
	for ; log > 0; log-- {
		shift := 64 - 8<<(log-1)
		if n<<shift>>shift != n {
			break
		}
	}
	w.number(t, typeInt, uint64(n), log)
}

// Bool writes a boolean.
func (w *Writer) Bool(t Tag, v bool) {
	if v {
		w.head(t, typeTrue)
	} else {
		w.head(t, typeFalse)
	}
}

// Float32 writes a number of single precision.
func (w *Writer) Float32(t Tag, v float32) {
	w.number(t, typeFloat32-2, uint64(math.Float32bits(v)), 2)
}

// Float64 writes a number of double precision.
func (w *Writer) Float64(t Tag, v float64) {
	w.number(t, typeFloat64-3, math.Float64bits(v), 3)
}

// Text writes UTF-8.
func (w *Writer) Text(t Tag, s string) { w.sized(t, typeText, s) }

// Octets writes octets.
func (w *Writer) Octets(t Tag, b []byte) { w.sized(t, typeOctets, string(b)) }

func (w *Writer) sized(t Tag, kind byte, s string) {
	n, log := uint64(len(s)), 0
	for n>>(8<<log) != 0 {
		log++
	}
	w.number(t, kind, n, log)
	w.buf = append(w.buf, s...)
}

// Null writes a null.
func (w *Writer) Null(t Tag) { w.head(t, typeNull) }

// Struct, Array and List begin a container; End ends it.
func (w *Writer) Struct(t Tag) { w.head(t, typeStruct) }

// Array begins an array.
func (w *Writer) Array(t Tag) { w.head(t, typeArray) }

// List begins a list.
func (w *Writer) List(t Tag) { w.head(t, typeList) }

// End ends the container that was begun last.
func (w *Writer) End() { w.buf = append(w.buf, typeEnd) }

// Copy writes e, with all that is in it, under another tag.
func (w *Writer) Copy(t Tag, e Element) {
	if len(e.raw) == 0 {
		w.Null(t)
		return
	}
	w.head(t, e.raw[0]&0x1f)
	w.buf = append(w.buf, e.raw[1+form(e.raw[0]>>5).length():]...)
}
