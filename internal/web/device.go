package web

import "strings"

// signs are parts of the header User-Agent and what they stand for. The first one that is there counts: most browsers
// claim to be others too.
type sign struct{ part, name string }

var browsers = []sign{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
	{"CriOS/", "Chrome"}, {"HeadlessChrome/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
}

var systems = []sign{
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"},
	{"Mac OS X", "macOS"}, {"Linux", "Linux"},
}

// device is the browser and the system of a User-Agent, as far as they are known, such as "Firefox on Linux".
func (v *visit) device(userAgent string) string {
	browser, system := find(userAgent, browsers), find(userAgent, systems)
	switch {
	case browser != "" && system != "":
		return v.catalogue.Label("device.both", "browser", browser, "system", system)
	case browser != "":
		return browser
	case system != "":
		return system
	}
	return v.catalogue.Label("device.unknown")
}

func find(userAgent string, signs []sign) string {
	for _, s := range signs {
		if strings.Contains(userAgent, s.part) {
			return s.name
		}
	}
	return ""
}
