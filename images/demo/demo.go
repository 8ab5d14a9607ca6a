// Package demo holds the footage of the demo's two cameras: one quiet evening
// at a house, drawn and synthesised by the program in the folder make. Both
// films are loops of the same length and show the same 40 seconds.
package demo

import (
	"embed"
	"time"

	"gatehouse/images/demo/script"
)

//go:generate go run ./make

// FS holds a film for each camera, NAME.mp4: H.264 Main profile without
// B-frames, 1280×720 at 15 fps, a key frame every 2 s; AAC-LC mono at 32 kHz.
//
//go:embed *.mp4
var FS embed.FS

// The cameras' names.
const (
	Porch    = script.Porch
	Driveway = script.Driveway
)

// Loop is the length of both films, of the picture as of the sound.
const Loop = script.Loop

// Event is something a camera's film shows in each loop.
type Event struct {
	Camera   string
	From, To time.Duration // since the beginning of the loop, From < To ≤ Loop
	What     string        // one of the constants below
}

// What there is to see.
const (
	CarPasses     = "car passes"
	VanPullsIn    = "van pulls in"
	CourierWalks  = "courier walks"
	DogWalker     = "neighbour walks dog"
	VanLeaves     = "van leaves"
	CatPasses     = "cat passes"
	CourierAtDoor = "courier at door"
	ParcelTaken   = "parcel taken in"
)

// Events lists what moves in the films, ordered by From. The drawings are made
// from the same moments.
var Events = []Event{
	{Driveway, script.CarIn, script.CarOut, CarPasses},
	{Porch, script.CatIn, script.CatOut, CatPasses},
	{Driveway, script.VanIn, script.VanStop, VanPullsIn},
	{Driveway, script.WalkerIn, script.WalkerOut, DogWalker},
	{Driveway, script.CourierOut, script.CourierAway, CourierWalks},
	{Porch, script.VisitIn, script.VisitOut, CourierAtDoor},
	{Driveway, script.CourierBack, script.CourierIn, CourierWalks},
	{Porch, script.DoorOpens, script.DoorShut, ParcelTaken},
	{Driveway, script.VanReverse, script.VanGone, VanLeaves},
}
