package bulletin_test

import (
	"fmt"
	"strings"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

// moreEdits are those that only the vectors have: one for each sentence that
// the tests beside them do not care to tell apart.
func moreEdits() map[string][2]string {
	lang := func(texts ...string) [2]string {
		var list []string
		for i := 0; i < len(texts); i += 3 {
			list = append(list, fmt.Sprintf(`{"tag":%q,"headline":%q,"summary":"abc","area":%q}`, texts[i], texts[i+1], texts[i+2]))
		}
		return [2]string{`"handling"`, `"lang":[` + strings.Join(list, ",") + `],"handling"`}
	}
	var nine []string
	for _, tag := range strings.Fields("da de es fi fr it nl no sv") {
		nine = append(nine, tag, "abc", "abc")
	}
	onward := func(list string) [2]string {
		return [2]string{`"onward":false`, `"onward":true,"onward_to":[` + list + `]`}
	}
	return map[string][2]string{
		"supersedes is no hash":                     {`"revision":1`, `"revision":2,"supersedes":"x"`},
		"description of the area too short":         {`"Elm Street between First and Ninth"`, `"El"`},
		"link in the attestation":                   {`"attestation":"`, `"attestation":"See a.example. `},
		"statute too short":                         {`Penal Code 484`, `P`},
		"incident ends first":                       {`"occurred":{"from":"2026-11-19T16`, `"occurred":{"from":"2026-11-19T18`},
		"officer's name too short":                  {`"name":"J. Ortiz"`, `"name":"J"`},
		"officer's badge too long":                  {`"badge":"4411"`, `"badge":"` + strings.Repeat("4", 21) + `"`},
		"officer's unit too short":                  {`"unit":"Property Crimes"`, `"unit":"P"`},
		"supervisor's name too short":               {`"name":"R. Alvarez"`, `"name":"R"`},
		"supervisor's badge empty":                  {`"badge":"207"`, `"badge":""`},
		"empty list of targets":                     {`"targets":[{"kind":"tus","url":"https://evidence.springfield.example/files/"}]`, `"targets":[]`},
		"unused footage is never deleted":           {`"unused_delete_days":60`, `"unused_delete_days":0`},
		"onward to seventeen":                       onward(`"a1"` + strings.Repeat(`,"a1"`, 16)),
		"onward to one twice":                       onward(`"a1","a1"`),
		"onward to somebody too short":              onward(`"a"`),
		"deletion contact too short":                {`"deletion_contact":"records@police.springfield.example"`, `"deletion_contact":"no"`},
		"nine translations":                         lang(nine...),
		"one language twice":                        lang("es", "abc", "abc", "es", "abc", "abc"),
		"headline translated too short":             lang("es", "a", "abc"),
		"area translated too short":                 lang("es", "abc", "a"),
		"a list of 501":                             {`["protest","immigration"]`, `["protest"` + strings.Repeat(`,"protest"`, 500) + `]`},
		"number for a boolean":                      {`"onward":false`, `"onward":0`},
		"list for an object":                        {`"case":{`, `"case":[],"x":{`},
		"control byte in a string":                  {`Several`, "Sev\x01eral"},
		"comma at the end":                          {`["protest","immigration"]`, `["protest","immigration",]`},
		"number with a leading zero":                {`"retention_days":730`, `"retention_days":0730`},
		"noncharacter":                              {`Several`, "Sev\ufffferal"},
		"white space that is not ASCII's at an end": {`Several`, "\u3000Several"},
	}
}

// hybrid is a post-quantum recipient whose identity nobody has kept.
const hybrid = "age1pq1lpy3xnw3tc6ucd2fw4wmwqjquf53zd8g9rmzt3htmd4qy3jawfx90v8fsjcq5ahj8sddju9fuv3xsvls8td4hzyl2usy9aql2jvnl2uc32meg6umq" +
	"v706u2awenz7sxzvq7gw8gdy20y3scdxxdkumr6sq698sye8d9f424cx8ggwnd2jpswpsnzzv5rs93qm7dm4xcghczvwvllng7vfzz32ergl7tqf2n7whqgh" +
	"3vu20ryf8v5qlvczukkjzswn9ew0p9h3nynjuh4xxuudpp8m2x3upjkr9c2k3e9gcgcvr8vwj6qglp22c3gh8lz9an8h2rw6jh2kkgp3hyn9464enhuqplru" +
	"2zcchplcvzu5pgrrhus00tryyf9yzmagxeelxc9qpc0h2ftu7hxgw6t0e9p0mdmj3j9tvz9zz85zqc35zdkvmsrpf33hx4v2stdseqs7jyusjn4z9wq2gwp3" +
	"pajxyvwg3sqas4evc7lykxma8puestu6jfkyw3kjkxpgg6p40q6gvgxgx5ztc28f78ls3vpxzwsaascapwt206m065kp0wzjm8erg6njhngcwhgss2vkssel" +
	"v7df3g9s4ky0n0ytku7f35spvdfek7fxrjjxu3npjdyq50gp9fh8f2tds52scngr685td38nd8d2tr7tg5xcwz53lt6sp6wddpc7vv886t8trmrwu0t5f7du" +
	"cu37lp9n6wqnwes0cs25p6mhdw2sqfkglrmg3w6gp2wv0efzxpapa389zktkvftfd0pws2n2eg2v3mwyjzhjs6850vfv3ycvfsczwpf0sdqdu3xj2tljlddz" +
	"qn9xjq0klap7xsg9ugdxdjrsxej9t9lrmmycdxkkw6gzg8g6k454z3c8848hanvcjt8hzzlx6h8fe55m75tv6lsdt9ve3cr9znxrjpy0saq85nqywn8286pt" +
	"qtlh49xc3zudvv6kpenjpsgcshay9237stfxmdhkzx7zwkfavzrfffzhx3yceggtqfqj8ta4s6uszdlyeeusstufz8ng9u4zdwfjs6j9x4t5x64z5a2sapdy" +
	"6g4pstt0f5cukcgj6k8k83j6eqsaaue3ap8avdvneqyjts5aw6xgvzyrgpk72s3dvhfkynuz2tknarqgcjyxscggmq2yezqgxsejv3rwzscclnujd4se0l6k" +
	"2nfxnpfpe6jaq280lt63ghlry7nrxvyz6vqpxle437jqyjj29knywgxdvwzmzlrf3u2dx8ac0psj55pcusx62vv4l2dj5tag2h0ues9s89n2s73wx8v0phnv" +
	"jksqp44dxv6nq9q9n67s7d3smpwegv820t6s0rrsx2sp8c4u3tv0892422rqvacz09js82cjwgqwqvhyytrpdntyenzxkyacgv0yu529vrvtykx2vk8k8e92" +
	"rzcmx9lxt7zxq4nwhzmv443apy3vzzazkvg0ud348mvshfdxrp2rlxxxuqpuuprx5ll2d8h54nt843nrwxtyl8qxr8vvxxvvzvgu0qknhj6nuvesuxzpsfe9" +
	"29vwacdtmu3yh9uy9734tk3gfh5ucps2ftzye72dlffhd8h6adll5v0t9724wfgjaxv20ws8ykje92n3aspvzqsfacctvucsce226ruu5wrxtsy3jq63ppvy" +
	"q7qr32gvcrt0ej45zkwpvvj5d6e88rhq9e8el2ezs6wc0f470rdq7jc43drf5yffyuap8xdgd24swjvhr6cj6zfxkhc0vax8wwgm3452yvx7zd2gevpf00vy" +
	"3ve6jj9g8gflxgp8k40sj9su95c8vnw39fgfws3zm29yp2lxvnv947mquwlxck5jyu2y36yfx25ckcjam9n4qdnl5n2r5gevneu0h69u3elqtdzjkhuxayc0" +
	"fxyv2jn46zm3skm74ldphkz402kw58wxvu5p5xy"

// moreProfiles are changes of profiles that only the vectors have.
func moreProfiles() map[string]func(*bulletin.Profile) {
	return map[string]func(*bulletin.Profile){
		"another type":      func(p *bulletin.Profile) { p.Type = "gatehouse.profile/v2" },
		"name too short":    func(p *bulletin.Profile) { p.Name = "P" },
		"nobody oversees":   func(p *bulletin.Profile) { p.Oversight = "" },
		"no root keys":      func(p *bulletin.Profile) { p.Root.Keys = []bulletin.PublicKey{} },
		"no supervisors":    func(p *bulletin.Profile) { p.Supervisors = []bulletin.PublicKey{} },
		"both kinds of age": func(p *bulletin.Profile) { p.Recipients = append(p.Recipients, hybrid) },
		"thirty-three hosts": func(p *bulletin.Profile) {
			for i := range 32 {
				p.UploadHosts = append(p.UploadHosts, bulletin.UploadHost{Host: fmt.Sprintf("a%d.example", i)})
			}
		},
	}
}

func fileVectors() []vector {
	const good = `{"kind":"request","env":{},"proof":"p"}` + "\n"
	one := func(name, line string) vector {
		return vector{Name: name, Parts: []part{{good + line + "\n" + good, nil, 1}}, Lines: 2, Bad: []bad{{Line: 2}}}
	}
	long := func(name, before string, n int, after string) vector {
		return vector{Name: name, Parts: []part{{good + before, nil, 1}, {"x", nil, n}, {after + "\n" + good, nil, 1}}, Lines: 2, Bad: []bad{{Line: 2}}}
	}
	// A gzip member without compression, whose check sum is cut or wrong.
	list := []vector{
		{Name: "valid: no line", Parts: []part{{"", nil, 1}}},
		{Name: "valid: every kind, the last without an end", Lines: 4, Parts: []part{{
			good + strings.Replace(good, "request", "update", 1) + strings.Replace(good, "request", "disposition", 1) +
				strings.TrimSuffix(strings.Replace(good, "request", "profile", 1), "\n"), nil, 1,
		}}},
		{Name: "valid: members in another order and white space", Lines: 1, Parts: []part{{" {\t\"proof\" : \"p\\n\" ,\"env\": {\"a\":[ 1e3 ]} , \"kind\":\"request\" }\r\n", nil, 1}}},
		{Name: "nothing"},
		{Name: "not gzip", File: []byte(good)},
		{Name: "larger than 8 MiB", Zeros: bulletin.MaxFile + 1},
		{Name: "something behind", Parts: []part{{good, nil, 1}}, File: []byte{0}},
		{Name: "cut", File: []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0, 5, 0, 0xfa, 0xff, '{'}},
		{Name: "wrong check sum", File: []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 1, 0, 0xfe, 0xff, '\n', 1, 2, 3, 4, 1, 0, 0, 0}},
		{Name: "a bomb in one line", Parts: []part{{strings.Repeat("0", 1<<10), nil, 64<<10 + 1}}},
		{Name: "a bomb of lines", Parts: []part{{strings.Repeat(" ", 1<<10-1) + "\n", nil, 64<<10 + 1}}},
		{Name: "more than 100,000 lines", Parts: []part{{"\n", nil, bulletin.MaxLines + 1}}},
		one("line: empty", ""),
		one("line: no object", "[]"),
		one("line: member twice", `{"kind":"request","kind":"request","env":{},"proof":"p"}`),
		one("line: unknown member", `{"kind":"request","env":{},"proof":"p","x":1}`),
		one("line: no proof", `{"kind":"request","env":{}}`),
		one("line: empty proof", `{"kind":"request","env":{},"proof":""}`),
		long("line: proof larger than 16 KiB", `{"kind":"request","env":{},"proof":"`, 16<<10+1, `"}`),
		one("line: unknown kind", `{"kind":"advert","env":{},"proof":"p"}`),
		one("line: envelope is text", `{"kind":"request","env":"{}","proof":"p"}`),
		one("line: carriage return in the envelope", "{\"kind\":\"request\",\"env\":{\r},\"proof\":\"p\"}"),
		one("line: envelope is no JSON", `{"kind":"request","env":{"a":01},"proof":"p"}`),
		one("line: envelope nests 33 deep", `{"kind":"request","env":{"a":`+strings.Repeat("[", 32)+strings.Repeat("]", 32)+`},"proof":"p"}`),
		one("line: something behind", strings.TrimSpace(good)+" {}"),
		long("line: envelope larger than 64 KiB", `{"kind":"request","env":{"a":"`, bulletin.MaxEnvelope, `"},"proof":"p"}`),
		long("line: far too long", "", 1<<17, ""),
	}
	notText := one("line: not UTF-8", "")
	notText.Parts = []part{{good + `{"kind":"request","env":{"a":"`, []byte{0xff}, 1}, {`"},"proof":"p"}` + "\n" + good, nil, 1}}
	return append(list, notText)
}

func areaVectors() (out []vector) {
	for _, name := range []string{"latitude 0", "latitude 51", "latitude 70", "across the antimeridian", "across the antimeridian at 70"} {
		c := geographicLib()[name]
		out = append(out, vector{Name: "valid: " + name, Rings: [][]bulletin.Point{closed(c.ring...)}, SquareKM: c.km2})
	}
	c := bulletintest.Centre
	whole, half := bulletintest.Box(c, 0.008, 0.008), bulletintest.Box(bulletin.Point{Lat: c.Lat, Lon: c.Lon + 0.004}, 0.008, 0.008)
	one := bulletin.SquareKM(whole)
	return append(
		out,
		vector{Name: "valid: the same twice", Rings: [][]bulletin.Point{whole, whole}, SquareKM: one},
		vector{Name: "valid: half over each other", Rings: [][]bulletin.Point{whole, half}, SquareKM: one * 1.5},
		vector{Name: "valid: what is no ring has no area", Rings: [][]bulletin.Point{whole[:3]}},
	)
}
