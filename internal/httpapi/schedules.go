package httpapi

import (
	"context"

	"wharf/internal/exporter"
)

const schedulesPath = "/api/v1/export-schedules/"

// ListExportSchedules gives a page of schedules.
func (h *handlers) ListExportSchedules(ctx context.Context, req ListExportSchedulesRequestObject) (ListExportSchedulesResponseObject, error) {
	limit := orElse(req.Params.Limit, defaultPage)
	found, err := h.cfg.Exports.ListSchedules(ctx, caller(ctx), req.Params.After, limit+1)
	if err != nil {
		return nil, err
	}
	var res ListExportSchedules200JSONResponse
	res.Body, res.Headers.Link = paged(found, limit, "/api/v1/export-schedules", query(limit), func(s exporter.Schedule) string { return s.ID.String() })
	return res, nil
}

// CreateExportSchedule has exports start by themselves.
func (h *handlers) CreateExportSchedule(ctx context.Context, req CreateExportScheduleRequestObject) (CreateExportScheduleResponseObject, error) {
	s, err := h.cfg.Exports.CreateSchedule(ctx, caller(ctx), *req.Body)
	location := schedulesPath + s.ID.String()
	return CreateExportSchedule201JSONResponse{Body: s, Headers: CreateExportSchedule201ResponseHeaders{Location: &location}}, err
}

// GetExportSchedule shows a schedule.
func (h *handlers) GetExportSchedule(ctx context.Context, req GetExportScheduleRequestObject) (GetExportScheduleResponseObject, error) {
	s, err := h.cfg.Exports.ShowSchedule(ctx, caller(ctx), req.Id)
	return GetExportSchedule200JSONResponse(s), err
}

// UpdateExportSchedule changes the members that are given.
func (h *handlers) UpdateExportSchedule(ctx context.Context, req UpdateExportScheduleRequestObject) (UpdateExportScheduleResponseObject, error) {
	s, err := h.cfg.Exports.UpdateSchedule(ctx, caller(ctx), req.Id, *req.Body)
	return UpdateExportSchedule200JSONResponse(s), err
}

// DeleteExportSchedule ends a schedule.
func (h *handlers) DeleteExportSchedule(ctx context.Context, req DeleteExportScheduleRequestObject) (DeleteExportScheduleResponseObject, error) {
	return DeleteExportSchedule204Response{}, h.cfg.Exports.DeleteSchedule(ctx, caller(ctx), req.Id)
}
