package message

// englishBin are the labels of the bin and maintenance windows.
var englishBin = map[string]string{}
