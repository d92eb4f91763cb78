package message

// englishRuns are the labels of the runs.
var englishRuns = map[string]string{}
