package message

// englishJob are the labels of the pages of one job.
var englishJob = map[string]string{}
