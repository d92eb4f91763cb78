package message

// englishJobs are the labels of the list of jobs.
var englishJobs = map[string]string{}
