package homekit

import "image/color"

// Colours are the console's tokens. A waiting request is a light card, an idle
// doorbell a dark one, so that the two differ even as a thumbnail.
var (
	paper  = color.RGBA{0xFB, 0xFB, 0xFA, 0xFF}
	ink    = color.RGBA{0x1C, 0x1D, 0x1F, 0xFF}
	muted  = color.RGBA{0x5B, 0x5E, 0x63, 0xFF}
	line   = color.RGBA{0xDD, 0xDD, 0xDA, 0xFF}
	hold   = color.RGBA{0x6A, 0x3F, 0xB5, 0xFF} // requests, nothing else
	accent = color.RGBA{0x0B, 0x5F, 0xBF, 0xFF} // time

	night      = color.RGBA{0x13, 0x14, 0x16, 0xFF}
	nightInk   = color.RGBA{0xEC, 0xED, 0xEE, 0xFF}
	nightMuted = color.RGBA{0xA3, 0xA8, 0xAF, 0xFF}
	nightLine  = color.RGBA{0x2E, 0x31, 0x36, 0xFF}
)

// grid is the measures of a card for a class of picture sizes, in layout units.
// Small pictures have fewer units, and so larger letters and fewer words.
type grid struct {
	units                float64 // across
	margin               float64
	kicker, small        float64 // text sizes
	agencyMax, agencyMin float64
	value, label         float64
	column               float64 // width of the labels' column; 0 for no labels
	footer               bool
}

// grids, the widest first.
var grids = []struct {
	from int // pixels across
	grid
}{
	{900, grid{1280, 72, 30, 25, 92, 52, 36, 28, 176, true}},
	{560, grid{960, 54, 26, 21, 72, 40, 31, 24, 152, true}},
	{400, grid{720, 38, 24, 20, 58, 29, 28, 22, 136, true}},
	{0, grid{480, 26, 22, 20, 54, 25, 24, 22, 0, false}},
}

// shape is the lowest picture a grid is made for, as height by width. A lower
// one is drawn smaller.
const shape = 9.0 / 16

// drawCard draws the card.
func drawCard(c Card, st style, s size) *canvas {
	g, scale := gridOf(s)
	switch {
	case c.Request == "":
		return drawIdle(st.say, g, s, scale)
	case st.neutral:
		return drawNeutral(c, st.say, g, s, scale)
	default:
		return drawAnyhow(c, st.say, g, s, scale)
	}
}

// gridOf returns the grid for a size, and what one of its units is in pixels.
func gridOf(s size) (grid, float64) {
	i := 0
	for grids[i].from > s.w {
		i++
	}
	g := grids[i].grid
	return g, min(float64(s.w)/g.units, float64(s.h)/(g.units*shape))
}

// drawAnyhow draws the full card. A stranger's words go through a library that shapes
// them; should they break it, the card without words rings as well.
func drawAnyhow(c Card, say Words, g grid, s size, scale float64) (card *canvas) {
	defer func() {
		if recover() != nil {
			card = drawNeutral(c, say, g, s, scale)
		}
	}()
	return drawFull(c, say, g, s, scale)
}

// drawIdle draws the card of a doorbell that nobody rang.
func drawIdle(say Words, g grid, s size, scale float64) *canvas {
	c := newCanvas(s, scale, night)
	c.fill(nightLine, 0, 0, g.margin/6, c.height())
	c.statement(g, say.Idle, say.Promise,
		pen{weight: medium, size: g.kicker * 2, color: nightInk}, pen{weight: regular, size: g.label, color: nightMuted})
	return c
}

// drawNeutral draws a card that says nothing of the request but that it waits.
func drawNeutral(card Card, say Words, g grid, s size, scale float64) *canvas {
	c := newCanvas(s, scale, paper)
	c.frame(g)
	c.write(pen{weight: medium, size: g.kicker, color: hold}, g.margin, g.margin+g.kicker*0.8, say.Title)
	c.statement(g, say.Waits(max(card.Total, 1)), say.Open,
		pen{weight: bold, size: g.kicker * 2.5, color: ink}, pen{weight: regular, size: g.value, color: muted})
	return c
}

// drawNotice draws one sentence where a camera's picture would be.
func drawNotice(name, fact string, s size) []byte {
	i := 0
	for grids[i].from > s.w {
		i++
	}
	g := grids[i].grid
	c := newCanvas(s, min(float64(s.w)/g.units, float64(s.h)/(g.units*shape)), night)
	c.statement(g, name, fact, pen{weight: medium, size: g.kicker * 2, color: nightInk}, pen{weight: regular, size: g.label, color: nightMuted})
	return c.jpeg()
}

// statement writes one fact and one sentence about it, in the middle.
func (c *canvas) statement(g grid, fact, about string, large, small pen) {
	large, small = large.of(fact), small.of(about)
	width := c.width() - 2*g.margin
	large = c.shrink(large, width, fact)
	y := c.height()/2 + large.size*0.2
	c.write(large, g.margin, y, fact)
	y += small.size * 0.6
	for _, t := range wrap(about, width, 2, c.measure(small)) {
		y += small.size * 1.3
		c.write(small, g.margin, y, t)
	}
}

// shrink makes the letters smaller until the text fits.
func (c *canvas) shrink(p pen, width float64, text string) pen {
	if w := c.measure(p)(text); w > width {
		p.size *= width / w
	}
	return p
}

// frame draws the edge that marks a request.
func (c *canvas) frame(g grid) { c.fill(hold, 0, 0, g.margin/6, c.height()) }

// row is one fact.
type row struct {
	label  string
	pen    pen
	text   []string // lines
	indent float64
}

// cuts are what is left out of a full card, the next one if the one before did
// not leave the agency's name room: the area first, then the case number. The
// agency and the times stay, because they tell whether to open the console now.
var cuts = []struct {
	areaLines int
	noCase    bool
	large     bool // wants the whole name in large letters
}{
	{2, false, true}, {1, false, false}, {0, false, false}, {0, true, false},
}

// drawFull draws who asks, for what, and until when.
func drawFull(card Card, say Words, g grid, s size, scale float64) *canvas {
	c := newCanvas(s, scale, paper)
	c.say = say
	g = c.columns(g)
	c.frame(g)
	top := c.head(card, g)
	bottom := c.height() - g.margin
	if g.footer {
		bottom = c.foot(card, g)
	}
	gap := g.value * 0.75
	var rows []row
	var facts float64
	for _, cut := range cuts {
		if cut.noCase {
			card.Case = ""
		}
		rows, facts = c.rows(card, g, cut.areaLines), 0
		for _, r := range rows {
			facts += r.height()
		}
		if c.titleFits(card, g, bottom-facts-gap-top, cut.large) {
			break
		}
	}
	y := bottom - facts
	used := c.title(card, g, top, y-gap)
	if !g.footer { // keep the words of a small picture together
		y = min(y, used+g.value*1.1)
	}
	if len(rows) > 0 {
		c.fill(line, g.margin, y-g.value*0.3, c.width()-2*g.margin, 1.5)
	}
	for _, r := range rows {
		y = c.row(r, g, y)
	}
	return c
}

// head writes what this is and which of how many, and returns where it ends.
func (c *canvas) head(card Card, g grid) float64 {
	y := g.margin + g.kicker*0.8
	c.write(pen{weight: medium, size: g.kicker, color: hold}, g.margin, y, c.say.Title)
	if card.Total > 1 && card.Index > 0 {
		text := c.say.Nth(card.Index, card.Total)
		p := pen{weight: medium, size: g.small, color: paper}
		w, h := c.measure(p)(text)+g.small*1.2, g.small*1.6
		x, top := c.width()-g.margin-w, y-g.kicker*0.36-h/2
		c.round(hold, x, top, w, h, h/2)
		c.write(p, x+g.small*0.6, top+h/2+g.small*0.36, text)
	}
	return y + g.kicker*0.3
}

// foot writes the promise and the hash on the last line, and returns where the
// facts above it must end.
func (c *canvas) foot(card Card, g grid) float64 {
	y := c.height() - g.margin + g.small*0.3
	right := c.width() - g.margin
	hash := pen{weight: mono, size: g.small * 0.92, color: muted}
	text := fit(c.words(card.Hash, ""), c.width()*0.5-g.margin, c.measure(hash))
	left := right - c.writeRight(hash, right, y, text)
	p := pen{weight: regular, size: g.small, color: muted}
	for _, t := range []string{c.say.Promise, c.say.MayRefuse} {
		if g.margin+c.measure(p)(t)+g.small < left {
			c.write(p, g.margin, y, t)
			break
		}
	}
	return y - g.small*1.9
}

// columns makes room for the longest of the labels, where there are any.
func (c *canvas) columns(g grid) grid {
	if g.column == 0 {
		return g
	}
	p := pen{weight: regular, size: g.label, color: muted}
	for _, s := range []string{c.say.Where, c.say.When, c.say.AnswerBy} {
		g.column = max(g.column, c.measure(p)(s)+g.label)
	}
	return g
}

// rows lays out the facts that there are. A time is never cut as long as
// smaller letters or a second line can save it.
func (c *canvas) rows(card Card, g grid, areaLines int) []row {
	plain, when := pen{weight: medium, size: g.value, color: ink}, pen{weight: bold, size: g.value, color: accent}
	var rows []row
	add := func(label, text string, p pen, lines, most int) {
		text = c.words(text, "")
		if text == "" || lines == 0 {
			return
		}
		p = p.of(text)
		r := row{label: label, pen: p, indent: g.column}
		if g.column == 0 && label == c.say.AnswerBy {
			r.label, r.indent = c.say.By, c.measure(pen{weight: regular, size: g.label, color: muted})(c.say.By+" ")
		}
		width := c.width() - 2*g.margin - r.indent
		r.pen, lines = c.squeeze(p, text, width, lines, most)
		r.text = wrap(text, width, lines, c.measure(r.pen))
		rows = append(rows, r)
	}
	add(c.say.Where, card.Area, plain, areaLines, areaLines)
	add(c.say.When, card.Window, plain, 1, 2)
	add(c.say.AnswerBy, card.Deadline, when, 1, 2)
	return rows
}

// squeeze finds how to show all of a text: first with smaller letters, then on
// more lines. What cannot be saved keeps its size, and loses its end.
func (c *canvas) squeeze(p pen, text string, width float64, lines, most int) (pen, int) {
	for n := lines; n <= most; n++ {
		q := p
		for ; q.size > p.size*0.76; q.size-- {
			if fits(text, width, n, c.measure(q)) {
				return q, n
			}
		}
	}
	return p, most
}

// height of a row: its lines, and the air between it and the next.
func (r row) height() float64 { return r.pen.size * (1.5 + 1.2*float64(len(r.text)-1)) }

// row writes a row whose top is at y, and returns where the next begins.
func (c *canvas) row(r row, g grid, y float64) float64 {
	base := y + r.pen.size*1.1
	if r.indent > 0 {
		c.write(pen{weight: regular, size: g.label, color: muted}, g.margin, base, r.label)
	}
	left, wide := g.margin+r.indent, 0.0
	for _, t := range r.text { // lines that begin at the right do so beside their label
		wide = max(wide, c.measure(r.pen)(t))
	}
	c.block(r.pen, left, left+wide, base, r.pen.size*1.2, r.text)
	return y + r.height()
}

const (
	titleLines = 3
	titleLead  = 1.08 // line height of the agency's name
	titleAir   = 0.25 // space above it, in its letters' size
	caseRoom   = 1.6  // height of the case number's line, in its letters' size
)

// titleRoom is what the case number leaves for the agency's name.
func titleRoom(card Card, g grid, room float64) float64 {
	if clean(card.Case) != "" {
		room -= g.value * caseRoom
	}
	return room
}

// titleFits reports whether there is room for a line of the agency's name, or,
// if large, for all of it in large letters.
func (c *canvas) titleFits(card Card, g grid, room float64, large bool) bool {
	room = titleRoom(card, g, room)
	if !large {
		return room >= g.agencyMin*titleLead
	}
	p, _, ok := c.fitTitle(c.words(card.Agency, card.Domain), g, c.width()-2*g.margin, room)
	return ok && p.size > g.agencyMax*0.7
}

// title writes the agency as large as it fits between top and bottom, and below
// it the case number, and returns where they end.
func (c *canvas) title(card Card, g grid, top, bottom float64) float64 {
	width := c.width() - 2*g.margin
	p, lines, _ := c.fitTitle(c.words(card.Agency, card.Domain), g, width, titleRoom(card, g, bottom-top))
	y := top + p.size*titleAir
	c.block(p, g.margin, g.margin+width, y+p.size*(titleLead-0.1), p.size*titleLead, lines)
	y += p.size * titleLead * float64(len(lines))
	if p.rtl { // Arabic letters reach lower
		y += p.size * 0.15
	}
	if number := c.words(card.Case, ""); number != "" {
		below := pen{weight: regular, size: g.value * 0.94, color: muted}
		y += g.value * caseRoom
		x := g.margin + c.write(below, g.margin, y-g.value*0.2, c.say.Case+" ")
		below = below.of(number)
		c.write(below, x, y-g.value*0.2, fit(number, g.margin+width-x, c.measure(below)))
	}
	return y
}

// fitTitle finds the largest letters that show the whole name in the room, and
// reports false if that takes an ellipsis.
func (c *canvas) fitTitle(name string, g grid, width, room float64) (pen, []string, bool) {
	for size := g.agencyMax; size >= g.agencyMin; size-- {
		p := pen{weight: bold, size: size, color: ink}.of(name)
		n := min(titleLines, int((room-size*titleAir)/(size*titleLead)))
		if n > 0 && fits(name, width, n, c.measure(p)) {
			return p, wrap(name, width, n, c.measure(p)), true
		}
	}
	p := pen{weight: bold, size: g.agencyMin, color: ink}.of(name)
	n := max(1, min(titleLines, int((room-p.size*titleAir)/(p.size*titleLead))))
	return p, wrap(name, width, n, c.measure(p)), false
}
