package rtsp

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// Sizes of blocks: powers of two from 8 KiB to 1 MiB are used again.
const (
	leastBlock = 13
	mostBlock  = 20
)

// block is memory that Units of one track are cut from. It is counted who holds
// Units of it; when all have let go the block is used again. Whoever does not
// let go leaves it to the garbage collector, so that forgetting is safe. The
// bytes of pictures are nearly all that the hub allocates: without this it takes
// a quarter more memory or, with the collector held as short, twice the CPU.
type block struct {
	buf  []byte
	refs atomic.Int32
}

// blocks are the free ones by size. A sync.Pool would do but that each garbage
// collection empties it, and so makes the next one come sooner.
var blocks blockList

type blockList struct {
	sync.Mutex
	free  [mostBlock - leastBlock + 1]freeBlocks
	since time.Time // when idle was begun
}

type freeBlocks struct {
	list []*block
	idle int // the shortest that list has been
}

// idleBlocks is how long a free block may wait to be used again.
const idleBlocks = 30 * time.Second

// newBlock returns a block of at least n bytes, held once.
func newBlock(n int) *block {
	b := (*block)(nil)
	class := max(bits.Len(uint(n-1)), leastBlock)
	if class <= mostBlock {
		n = 1 << class
		b = blocks.take(class)
	}
	if b == nil {
		b = &block{buf: make([]byte, n)}
	}
	b.refs.Store(1)
	return b
}

func (b *block) hold() { b.refs.Add(1) }

// release undoes newBlock or hold.
func (b *block) release() {
	switch n := b.refs.Add(-1); {
	case n < 0:
		panic("rtsp: a Unit was released more often than it was given out")
	case n > 0:
		return
	}
	if poison {
		for i := range b.buf {
			b.buf[i] = 0xdb
		}
	}
	if class := bits.Len(uint(len(b.buf) - 1)); class <= mostBlock {
		blocks.put(class, b)
	}
}

// hold keeps the memory of u from being used again until Release.
func (u *Unit) hold() {
	if u.block != nil {
		u.block.hold()
	}
}

// Release says that who got u from a Reader will never look at its Data again,
// nor has given it to anyone. Units that all Readers release cost no garbage
// collection; a Unit may as well never be released. Release must be called at
// most once for each time a Reader gave u out.
func (u *Unit) Release() {
	if u.block != nil {
		u.block.release()
	}
}

func (l *blockList) take(class int) *block {
	l.Lock()
	defer l.Unlock()
	f := &l.free[class-leastBlock]
	last := len(f.list) - 1
	if last < 0 {
		return nil
	}
	b := f.list[last]
	f.list[last] = nil
	f.list = f.list[:last]
	f.idle = min(f.idle, last)
	return b
}

// put also gives up the blocks that were idle for long.
func (l *blockList) put(class int, b *block) {
	l.Lock()
	defer l.Unlock()
	l.free[class-leastBlock].list = append(l.free[class-leastBlock].list, b)
	now := time.Now()
	if now.Sub(l.since) < idleBlocks {
		return
	}
	l.since = now
	for i := range l.free {
		f := &l.free[i]
		keep := max(0, len(f.list)-f.idle)
		clear(f.list[keep:])
		f.list, f.idle = f.list[:keep], keep
	}
}
