package main

// posts are the two lamp posts where the drive meets the pavement.
func (d *driveway) posts(c *canvas) {
	k := d.k
	for _, x := range []float64{-driveHalf - 1.5, driveHalf + 1.5} {
		z := walkNear - .5
		l, r := k.at(vec{x - .22, 1, z}), k.at(vec{x + .22, 1, z})
		c.soft(solid(hex(0x1b1a38).alpha(.4)), 3, k.ground(x-.2, z-1.1, x+.35, z, 0))
		c.fill(linear(l, r, hex(0xe6d3c4), hex(0x8d8296)), k.wall(x-.22, 0, x+.22, 1.15, z))
		c.fill(solid(hex(0xf6eadb)), k.wall(x-.28, 1.15, x+.28, 1.25, z))
		bulb := k.at(vec{x, 1.45, z})
		c.fill(solid(hex(0xfff1c6)), ellipse(bulb, 9, 9))
		c.lamp(bulb, 85, 1, hex(0xffc878), .7)
	}
}

// beds are the shrubs beside the drive; cars on the street pass behind them.
func (d *driveway) beds(c *canvas) {
	k, r := d.k, rng(29)
	for _, b := range []struct{ x, z, w, h float64 }{{5.2, 15.2, 2, 1.2}, {7.4, 14.2, 2.6, 1.6}, {4.4, 12.4, 1.5, .85}, {5.9, 11.7, 1.9, 1.1}, {-6.2, 16, 1.9, 1.1}, {-8.6, 15.6, 2.4, 1.5}, {-11.2, 15.8, 2.4, 1.3}} {
		v := vec{b.x, 0, b.z}
		s := k.scale(v)
		c.soft(solid(hex(0x16233a).alpha(.42)), 5, k.spot(vec{v.x, 0, v.z - .1}, b.w*.47, .26))
		c.shrub(&r, k.at(v), b.w*s, b.h*s, hex(0x2d5650), hex(0x7b9f78))
		for range 9 {
			f := k.at(v).add(pt{b.w * s * r.in(-.38, .38), -b.h * s * r.in(.3, .85)})
			c.fill(solid(hex(0xe7a0b4).to(hex(0xfff0dc), r.next())), ellipse(f, s*.04, s*.04))
		}
	}
}

// plant sets what grows into the picture from its edges.
func (d *driveway) plant() {
	c, r := d.ground, &d.r
	// a branch of the tree beside the garage
	c.fill(solid(hex(0x3f3450)), capsule(pt{1300, 80}, pt{1120, 132}, 13, 5), capsule(pt{1160, 120}, pt{1040, 124}, 5, 2))
	for _, t := range []pt{{1050, 126}, {1100, 118}, {1135, 152}, {1175, 132}, {1215, 168}, {1250, 136}, {1275, 190}} {
		d.front.tuft(r, t, 40, 26, 13, 34, hex(0x2c5450), hex(0x86a873))
	}
	d.front.grass(r, pt{860, 748}, pt{1290, 690}, 52, 92, hex(0x244a48), hex(0x4f8064))
	d.front.grass(r, pt{-10, 736}, pt{150, 750}, 20, 52, hex(0x2a5049), hex(0x5b8a66))
	for i := range 12 {
		at := pt{lerp(960, 1270, (float64(i)+r.next())/12), r.in(640, 690)}
		d.front.tuft(r, at, 6, 6, 6, 11, hex(0x8c7fc4), hex(0xe0c6f0))
	}
}
