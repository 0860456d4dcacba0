{{/* Names, labels and images. */}}

{{/* 26 letters, so that keda-hpa-FULLNAME-worker-GROUP is no longer than a label may be. */}}
{{- define "pixyz.fullname" -}}
{{- $name := default "pixyz" .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 26 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 26 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Of a part: (dict "root" $ "part" "api"). What a selector may name, and nothing that changes. */}}
{{- define "pixyz.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "pixyz.labels" -}}
{{ include "pixyz.selector" . }}
app.kubernetes.io/part-of: pixyz-scheduler
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Of a pod's template: (dict "root" $ "part" "api" "labels" {...}). */}}
{{- define "pixyz.podLabels" -}}
{{ include "pixyz.selector" . }}
app.kubernetes.io/part-of: pixyz-scheduler
{{- with merge (dict) (default (dict) .labels) .root.Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* (dict "root" $ "target" "api") */}}
{{- define "pixyz.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := index $image.repositories .target -}}
{{- $tag := default .root.Chart.AppVersion $image.tag -}}
{{- if $image.registry -}}{{ printf "%s/%s:%s" (trimSuffix "/" $image.registry) $name $tag }}
{{- else -}}{{ printf "%s:%s" $name $tag }}{{- end -}}
{{- end -}}

{{- define "pixyz.serviceAccount" -}}
{{- default (ternary (include "pixyz.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "pixyz.storeHost" -}}
{{- if eq .Values.redis.mode "bundled" -}}{{ include "pixyz.fullname" . }}-redis{{- else -}}{{ .Values.redis.external.host }}{{- end -}}
{{- end -}}

{{- define "pixyz.storePort" -}}
{{- if eq .Values.redis.mode "bundled" -}}6379{{- else -}}{{ int64 .Values.redis.external.port }}{{- end -}}
{{- end -}}

{{/* As pods of this namespace call it; and as KEDA does, from another. */}}
{{- define "pixyz.apiUrl" -}}
http://{{ include "pixyz.fullname" . }}-api:{{ int64 .Values.api.service.port }}
{{- end -}}
{{- define "pixyz.apiUrlForKeda" -}}
{{- default (printf "http://%s-api.%s.svc:%d" (include "pixyz.fullname" .) .Release.Namespace (int64 .Values.api.service.port)) (trimSuffix "/" .Values.keda.apiUrl) -}}
{{- end -}}
