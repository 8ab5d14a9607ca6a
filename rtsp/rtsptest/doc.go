// Package rtsptest is a scripted RTSP server: cameras made of MP4 files.
//
// It serves the demo's cameras and the camera zoo of the tests. A [Camera]
// plays its file in real time and for ever; a [Fault] makes it misbehave at a
// known point, and [Scripts] are the misbehaviours of real cameras by name. What
// must come of each is its [Must]; zoo.md shows both.
// What a camera sent can be recorded and compared with what arrived.
package rtsptest
