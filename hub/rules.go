package main

import (
	"gatehouse/hub/config"
	"gatehouse/hub/request"
)

// rulesOf are the configuration's rules as package request takes them.
func rulesOf(list []config.Rule) []request.Rule {
	out := make([]request.Rule, len(list))
	for i, r := range list {
		out[i] = request.Rule{
			Agency: r.Agency, Level: r.Level, Category: r.Category, Missing: r.Missing, MaxKM2: r.OverKM2, Minutes: r.OverMinutes,
			Age: r.OverAge, Cameras: r.OverCameras, InCase: r.OverCase, In30Days: r.OverMonth,
			KeepDays: r.OverKeepDays, UnusedDays: r.OverUnused, Onward: r.Onward, Faces: r.Faces, Action: request.Action(r.Action),
		}
		if r.Hours != nil {
			h := hoursOf(*r.Hours)
			out[i].Hours = &h
		}
	}
	return out
}

func hoursOf(h config.Hours) request.Hours {
	return request.Hours{From: h.From.Minutes(), To: h.To.Minutes()}
}

// follow adds what the owner says of all requests.
func follow(home *request.Home, s config.Sharing) {
	home.OptOut, home.PerCase = s.OptOut, request.PerCase{Time: s.PerCase.Time, KM2: s.PerCase.KM2}
	home.Approvals = s.Approvals
	home.HoldQuota = request.HoldQuota{Percent: s.HoldQuota.Percent, Bytes: int64(s.HoldQuota.Bytes)}
	home.Notices = request.Notices{Digest: s.Digest.Minutes(), Rings: s.Rings}
	for _, h := range s.Quiet {
		home.Notices.Quiet = append(home.Notices.Quiet, hoursOf(h))
	}
}
