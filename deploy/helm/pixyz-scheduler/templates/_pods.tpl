{{/* What all pods have in common. */}}

{{- define "pixyz.pod" -}}
serviceAccountName: {{ include "pixyz.serviceAccount" .root }}
automountServiceAccountToken: false
# Kubernetes' own NAME_PORT variables would be read as settings of ours.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ int64 .root.Values.security.uid }}
  runAsGroup: {{ int64 .root.Values.security.gid }}
  fsGroup: {{ int64 .root.Values.security.gid }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "pixyz.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "pixyz.spread" -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "pixyz.selector" $ | nindent 8 }}
  {{- end }}
{{- end -}}

{{- define "pixyz.env.secret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{/* How to reach the store. */}}
{{- define "pixyz.env.store" -}}
{{- $redis := .Values.redis -}}
{{- if and (eq $redis.mode "external") $redis.external.urlKey }}
{{ include "pixyz.env.secret" (dict "name" "CELERY_BROKER_URL" "secret" $redis.existingSecret "key" $redis.external.urlKey) }}
{{- else }}
- name: REDIS_MASTER_SERVICE_HOST
  value: {{ include "pixyz.storeHost" . | quote }}
- name: REDIS_MASTER_SERVICE_PORT
  value: {{ include "pixyz.storePort" . | quote }}
- name: REDIS_DATABASE
  value: {{ int64 $redis.database | quote }}
{{- if $redis.existingSecret }}
{{ include "pixyz.env.secret" (dict "name" "REDIS_PASSWORD" "secret" $redis.existingSecret "key" $redis.passwordKey) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What API and workers must have alike: (dict "root" $ "env" {...} "home" "/tmp"). */}}
{{- define "pixyz.env.common" -}}
{{- include "pixyz.env.store" .root }}
- name: SHARE_PATH
  value: {{ .root.Values.share.mountPath | quote }}
{{- if .root.Values.processes.existingClaim }}
- name: PROCESS_PATH
  value: {{ .root.Values.processes.mountPath | quote }}
{{- end }}
- name: PREPARATION_TIME_LIMIT
  value: {{ int64 .root.Values.jobs.preparationTimeLimit | quote }}
# The root is read-only: what wants a home, or writes what is not to stay, does so where the pod has a disk.
- name: HOME
  value: {{ .home }}
- name: TMPDIR
  value: {{ .home }}
{{- range $name, $value := merge (dict) .env .root.Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- range $name, $from := .root.Values.secretSettings }}
{{ include "pixyz.env.secret" (dict "name" $name "secret" $from.existingSecret "key" $from.key) }}
{{- end }}
{{- end -}}

{{- define "pixyz.mounts" -}}
- name: share
  mountPath: {{ .Values.share.mountPath }}
  {{- with .Values.share.subPath }}
  subPath: {{ . }}
  {{- end }}
{{- if .Values.processes.existingClaim }}
- name: processes
  mountPath: {{ .Values.processes.mountPath }}
  readOnly: true
  {{- with .Values.processes.subPath }}
  subPath: {{ . }}
  {{- end }}
{{- end }}
- name: tmp
  mountPath: /tmp
{{- end -}}

{{- define "pixyz.volumes" -}}
- name: share
  persistentVolumeClaim:
    claimName: {{ .Values.share.existingClaim }}
{{- with .Values.processes.existingClaim }}
- name: processes
  persistentVolumeClaim:
    claimName: {{ . }}
    readOnly: true
{{- end }}
- name: tmp
  emptyDir: {}
{{- end -}}
