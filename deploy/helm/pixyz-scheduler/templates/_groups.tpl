{{/* What follows from a group's values. Each takes (dict "root" $ "name" "cpu" "group" {...}), the group made whole. */}}

{{/* The groups that are switched on, made whole by workerDefaults, as JSON: name to group. */}}
{{- define "pixyz.groups" -}}
{{- $groups := dict -}}
{{- range $name, $given := .Values.workers -}}
{{- $group := mergeOverwrite (deepCopy $.Values.workerDefaults) (deepCopy $given) -}}
{{- if $group.enabled -}}{{- $_ := set $groups $name $group -}}{{- end -}}
{{- end -}}
{{- toJson $groups -}}
{{- end -}}

{{/* A quantity of memory (Ki, Mi, Gi, Ti) in KiB. */}}
{{- define "pixyz.kib" -}}
{{- $number := int64 (regexFind "^[0-9]+" .) -}}
{{- $unit := regexFind "[A-Za-z]+$" . -}}
{{- mul $number (index (dict "Ki" 1 "Mi" 1024 "Gi" 1048576 "Ti" 1073741824) $unit) -}}
{{- end -}}

{{/* KiB for each job. Each slot's wall stands 32 MiB above its limit, for the warden and the child that waits. */}}
{{- define "pixyz.memoryOfJob" -}}
{{- $limit := include "pixyz.kib" .group.resources.limits.memory | int64 -}}
{{- $reserve := include "pixyz.kib" .group.memoryReserve | int64 -}}
{{- sub (div (sub $limit $reserve) (int64 .group.slots)) 32768 -}}
{{- end -}}

{{- define "pixyz.timeLimit" -}}
{{- int64 (.group.timeLimit | default .root.Values.jobs.timeLimit) -}}
{{- end -}}
{{- define "pixyz.retryTimeLimit" -}}
{{- int64 (.group.retryTimeLimit | default .root.Values.jobs.retryTimeLimit) -}}
{{- end -}}

{{/* Seconds before a job's own time begins: only where packages or inputs by URL are allowed. */}}
{{- define "pixyz.preparation" -}}
{{- $settings := merge (dict) .group.env .root.Values.settings -}}
{{- $urls := get $settings "ALLOW_INPUT_URLS" -}}
{{- $asked := or (eq (get $settings "SCRIPT_DEPENDENCIES") "allow") (and $urls (ne $urls "off")) -}}
{{- ternary (int64 .root.Values.jobs.preparationTimeLimit) 0 (not (not $asked)) -}}
{{- end -}}

{{/* The longest that a job of this group may take, with a minute for its end: what the API gives a job counts too. */}}
{{- define "pixyz.longest" -}}
{{- $limit := max (int64 .root.Values.jobs.timeLimit) (include "pixyz.timeLimit" . | int64) (include "pixyz.retryTimeLimit" . | int64) -}}
{{- add $limit (include "pixyz.preparation" . | int64) 60 -}}
{{- end -}}

{{- define "pixyz.drainTimeout" -}}
{{- if .group.drainTimeout -}}{{ int64 .group.drainTimeout }}{{- else -}}{{ include "pixyz.longest" . }}{{- end -}}
{{- end -}}

{{/* Whether KEDA scales it, and so owns its number of pods. */}}
{{- define "pixyz.isScaled" -}}
{{- if and .root.Values.keda.enabled (or (eq .group.mode "job") (ne (int64 .group.replicas.min) (int64 .group.replicas.max))) -}}yes{{- end -}}
{{- end -}}

{{- define "pixyz.trigger" -}}
type: metrics-api
metadata:
  url: {{ printf "%s/scaling/%s" (include "pixyz.apiUrlForKeda" .root) (join "," .group.queues) | quote }}
  valueLocation: outstanding
  targetValue: {{ int64 .group.slots | quote }}
  authMode: apiKey
  method: header
  keyParamName: x-api-key
authenticationRef:
  name: {{ include "pixyz.fullname" .root }}-api-key
{{- end -}}

{{/* Spot nodes: what the providers' own labels and taints are. */}}
{{- define "pixyz.nodeSelector" -}}
{{- $spot := dict
  "aks" (dict "kubernetes.azure.com/scalesetpriority" "spot")
  "eks" (dict "eks.amazonaws.com/capacityType" "SPOT")
  "gke" (dict "cloud.google.com/gke-spot" "true")
  "karpenter" (dict "karpenter.sh/capacity-type" "spot") -}}
{{- toJson (merge (dict) .group.nodeSelector (get $spot .group.spot | default dict)) -}}
{{- end -}}

{{- define "pixyz.tolerations" -}}
{{- $spot := dict
  "aks" (dict "key" "kubernetes.azure.com/scalesetpriority" "operator" "Equal" "value" "spot" "effect" "NoSchedule")
  "eks" (dict "key" "spot" "operator" "Exists" "effect" "NoSchedule")
  "gke" (dict "key" "cloud.google.com/gke-spot" "operator" "Equal" "value" "true" "effect" "NoSchedule")
  "karpenter" (dict "key" "karpenter.sh/capacity-type" "operator" "Equal" "value" "spot" "effect" "NoSchedule") -}}
{{- $all := .group.tolerations -}}
{{- if .group.spot -}}{{- $all = append $all (get $spot .group.spot) -}}{{- end -}}
{{- if .group.gpu.count -}}{{- $all = append $all (dict "key" .group.gpu.resource "operator" "Exists" "effect" "NoSchedule") -}}{{- end -}}
{{- toJson $all -}}
{{- end -}}
