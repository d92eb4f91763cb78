package message

// englishProblemPages are the labels of the problems.
var englishProblemPages = map[string]string{}
