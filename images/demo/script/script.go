// Package script holds the story of the demo footage: who does what, when.
//
// The program that draws the footage and the table of events in package demo
// both read it, so a motion event never names a moment that was not drawn.
package script

import "time"

// Shape of both films. 40 s are 600 pictures and, at 32 kHz, exactly
// 1250 AAC frames of 1024 samples, so neither track needs padding.
const (
	Width      = 1280
	Height     = 720
	Rate       = 15
	Loop       = 40 * time.Second
	SampleRate = 32000
	GOP        = 2 * Rate
)

// The names of the two cameras; each film is NAME.mp4.
const (
	Porch    = "porch"
	Driveway = "driveway"
)

// The driveway, in order.
const (
	CarIn  = 1500 * time.Millisecond // a blue car comes into the picture
	CarOut = 5500 * time.Millisecond

	VanIn   = 6 * time.Second // the van comes along the street
	VanTurn = 9 * time.Second // and turns into the drive
	VanStop = 12 * time.Second

	CourierOut  = 13 * time.Second         // leaves the van with a parcel
	CourierAway = 17 * time.Second         // out of the picture, towards the door
	CourierBack = 27500 * time.Millisecond // comes back without it
	CourierIn   = 31 * time.Second         // is in the van again

	VanReverse = 32 * time.Second
	VanLeave   = 35500 * time.Millisecond
	VanGone    = 39 * time.Second

	WalkerIn  = 12500 * time.Millisecond // a neighbour walks the dog
	WalkerOut = 36 * time.Second
)

// The porch, in order.
const (
	CatIn  = 2 * time.Second
	CatOut = 11 * time.Second

	VisitIn    = 16 * time.Second         // the courier comes up the path
	AtDoor     = 20300 * time.Millisecond // stands at the door
	BellRung   = 20900 * time.Millisecond
	ParcelDown = 23200 * time.Millisecond // the parcel is on the mat
	LeaveDoor  = 24500 * time.Millisecond
	VisitOut   = 28700 * time.Millisecond

	DoorOpens   = 30 * time.Second // somebody takes the parcel in
	ParcelTaken = 32600 * time.Millisecond
	DoorShut    = 35500 * time.Millisecond
)
