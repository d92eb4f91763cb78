package message

// englishTestRuns are the labels of test runs.
var englishTestRuns = map[string]string{}
