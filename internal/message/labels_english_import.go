package message

// englishImport are the labels of pasted commands.
var englishImport = map[string]string{}
