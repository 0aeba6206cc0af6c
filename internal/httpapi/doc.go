// Package httpapi is the HTTP API: routes, decode → call → encode, and the one place where errors become answers.
//
// The contract is openapi.yaml; api.gen.go is made from it by `go generate`. What a request must be stands there and is
// read from there, so that no route can be served without it: the permission its caller needs (the scopes of its
// security), the shape of its parameters and of its JSON body, and whether it takes an upload.
//
// A request's way: identify → logRequest → recover → keepMoving → match (what the contract says of the route) → gate (who
// calls, and may they) → limitBody → checkParameters → idempotent (was it answered before?) → limitStarts → the generated decoder → a handler → the services. An error of
// any of them becomes an answer in handleError, and nowhere else.
//
// Invariants: a 4xx says what was wrong and where; a 5xx says nothing but the request's id, and its cause is logged once. No
// log line holds a credential, a signed link, a query, or what a body says; an object's key, with its file's name, may be
// there. What a refused upload stored is deleted. An id of another tenant is answered like one that does not exist.
package httpapi

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config oapi-codegen.yaml openapi.yaml
