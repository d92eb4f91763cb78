package message

// englishEditor are the labels of the form of a job.
var englishEditor = map[string]string{}
