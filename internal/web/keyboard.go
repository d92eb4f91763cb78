package web

import "net/http"

func (w *web) keyboardRoutes() []route {
	return []route{{"GET", root + "/keyboard", signedIn, showKeyboard}}
}

// keyboardPage lists the keys that the scripts of pages listen to.
type keyboardPage struct {
	view
	Groups []keyGroup
}

// keyGroup is what keys do in one place.
type keyGroup struct {
	Label string
	Keys  []keyDoes
}

// keyDoes is a key, or several that do the same, and what it does.
type keyDoes struct {
	Keys  []string
	Label string
}

func showKeyboard(v *visit) error {
	var (
		p   keyboardPage
		err error
	)
	if p.view, err = v.view(""); err != nil {
		return err
	}
	t := p.labels.Label
	p.Groups = []keyGroup{
		{t("keyboard.everywhere"), []keyDoes{
			{[]string{"/"}, t("keyboard.search")}, {[]string{"Ctrl K"}, t("keyboard.palette")}, {[]string{"?"}, t("keyboard.help")},
			{[]string{"Esc"}, t("keyboard.close")},
		}},
		{t("keyboard.lists"), []keyDoes{
			{[]string{"j", "k"}, t("keyboard.move")}, {[]string{"Enter"}, t("keyboard.open")}, {[]string{"x"}, t("keyboard.select")},
			{[]string{"Shift X"}, t("keyboard.select-all")}, {[]string{"."}, t("keyboard.menu")},
		}},
	}
	return v.render(http.StatusOK, "keyboard", p)
}
