package message

// englishOverview are the labels of the first page.
var englishOverview = map[string]string{}
