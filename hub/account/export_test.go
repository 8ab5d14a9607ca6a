package account

// Cheap lets tests that are not about the work of a hash do without it.
func Cheap(a *Accounts) *Accounts {
	a.cost = cost{time: 1, memory: 8, threads: 1}
	return a
}
