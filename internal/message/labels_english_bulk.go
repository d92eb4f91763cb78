package message

// englishBulk are the labels of changes of many jobs at once.
var englishBulk = map[string]string{}
