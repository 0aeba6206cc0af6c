package httpapi

import (
	"context"

	"wharf/internal/webhook"
)

// RotateWebhookSecret mints a new signing secret for an importer's webhook.
func (h *handlers) RotateWebhookSecret(ctx context.Context, req RotateWebhookSecretRequestObject) (RotateWebhookSecretResponseObject, error) {
	secret, err := h.cfg.Importers.RotateWebhookSecret(ctx, caller(ctx), req.Id)
	return RotateWebhookSecret200JSONResponse{Secret: secret}, err
}

// ListWebhookDeliveries gives a page of deliveries.
func (h *handlers) ListWebhookDeliveries(ctx context.Context, req ListWebhookDeliveriesRequestObject) (ListWebhookDeliveriesResponseObject, error) {
	q := req.Params
	limit := orElse(q.Limit, defaultPage)
	f := webhook.Filter{State: text(q.State), After: q.After, Limit: limit + 1}
	if q.ImporterId != nil {
		f.Owner = &webhook.Owner{Kind: webhook.OwnerImporter, ID: *q.ImporterId}
	}
	found, err := h.cfg.Webhooks.List(ctx, caller(ctx), f)
	if err != nil {
		return nil, err
	}
	var res ListWebhookDeliveries200JSONResponse
	res.Body, res.Headers.Link = paged(found, limit, "/api/v1/webhook-deliveries",
		query(limit, "state", text(q.State), "importer_id", idText(q.ImporterId)), func(d webhook.Delivery) string { return d.ID.String() })
	return res, nil
}

// GetWebhookDelivery shows a delivery and what it carried.
func (h *handlers) GetWebhookDelivery(ctx context.Context, req GetWebhookDeliveryRequestObject) (GetWebhookDeliveryResponseObject, error) {
	d, err := h.cfg.Webhooks.Show(ctx, caller(ctx), req.Id)
	return GetWebhookDelivery200JSONResponse(d), err
}

// RetryWebhookDelivery delivers again.
func (h *handlers) RetryWebhookDelivery(ctx context.Context, req RetryWebhookDeliveryRequestObject) (RetryWebhookDeliveryResponseObject, error) {
	d, err := h.cfg.Webhooks.Redeliver(ctx, caller(ctx), req.Id)
	return RetryWebhookDelivery202JSONResponse(d), err
}
