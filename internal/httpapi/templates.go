package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"mime"

	"wharf/internal/tabular"
)

// GetImporterTemplate gives an empty file for an importer.
func (h *handlers) GetImporterTemplate(ctx context.Context, req GetImporterTemplateRequestObject) (GetImporterTemplateResponseObject, error) {
	t, err := h.cfg.Importers.Template(ctx, caller(ctx), req.Id)
	if err != nil {
		return nil, err
	}
	if orElse(req.Params.Format, GetImporterTemplateParamsFormat("csv")) == "xlsx" {
		file, err := workbook(t)
		return GetImporterTemplate200ApplicationvndOpenxmlformatsOfficedocumentSpreadsheetmlSheetResponse{file}, err
	}
	file, err := csvFile(t)
	return GetImporterTemplate200TextcsvResponse{file}, err
}

// GetTableTemplate gives an empty file for a table.
func (h *handlers) GetTableTemplate(_ context.Context, req GetTableTemplateRequestObject) (GetTableTemplateResponseObject, error) {
	t, err := h.cfg.Importers.TableTemplate(req.Table)
	if err != nil {
		return nil, err
	}
	if orElse(req.Params.Format, GetTableTemplateParamsFormat("csv")) == "xlsx" {
		file, err := workbook(t)
		return GetTableTemplate200ApplicationvndOpenxmlformatsOfficedocumentSpreadsheetmlSheetResponse{file}, err
	}
	file, err := csvFile(t)
	return GetTableTemplate200TextcsvResponse{file}, err
}

func workbook(t tabular.Template) (TemplateApplicationvndOpenxmlformatsOfficedocumentSpreadsheetmlSheetResponse, error) {
	file, name, err := templateFile(t, "xlsx")
	return TemplateApplicationvndOpenxmlformatsOfficedocumentSpreadsheetmlSheetResponse{
		Body: file, ContentLength: int64(file.Len()), Headers: TemplateResponseHeaders{ContentDisposition: &name},
	}, err
}

func csvFile(t tabular.Template) (TemplateTextcsvResponse, error) {
	file, name, err := templateFile(t, "csv")
	return TemplateTextcsvResponse{Body: file, ContentLength: int64(file.Len()), Headers: TemplateResponseHeaders{ContentDisposition: &name}}, err
}

// templateFile writes the file, and names it.
func templateFile(t tabular.Template, format string) (file *bytes.Buffer, disposition string, err error) {
	file = &bytes.Buffer{}
	if err := tabular.WriteTemplate(file, format, t); err != nil {
		return file, "", fmt.Errorf("httpapi: write template: %w", err)
	}
	return file, mime.FormatMediaType("attachment", map[string]string{"filename": t.Name + "-template." + format}), nil
}
