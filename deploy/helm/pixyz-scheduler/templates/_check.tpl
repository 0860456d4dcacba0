{{/* What a schema cannot say: every fault of the values at once. */}}

{{- define "pixyz.faults" -}}
{{- $faults := list -}}
{{- $values := .Values -}}
{{- if not $values.auth.existingSecret -}}
{{- $faults = append $faults "auth.existingSecret: name the Secret that holds the API's key" -}}
{{- end -}}
{{- if not $values.share.existingClaim -}}
{{- $faults = append $faults "share.existingClaim: name the PersistentVolumeClaim (ReadWriteMany) of the shared folder" -}}
{{- end -}}
{{- if and (eq $values.redis.mode "external") (not $values.redis.external.host) (not $values.redis.external.urlKey) -}}
{{- $faults = append $faults "redis.external.host: name the store's host, or its address by redis.external.urlKey, or set redis.mode=bundled" -}}
{{- end -}}
{{- if and (or (eq $values.redis.mode "bundled") $values.redis.external.urlKey) (not $values.redis.existingSecret) -}}
{{- $faults = append $faults "redis.existingSecret: name the Secret that holds the store's password or address" -}}
{{- end -}}
{{- if and (eq $values.licence.type "flexlm") (not $values.licence.flexlm.host) -}}
{{- $faults = append $faults "licence.flexlm.host: name the licence server" -}}
{{- end -}}
{{- if and (eq $values.licence.type "file") (not $values.licence.file.existingSecret) -}}
{{- $faults = append $faults "licence.file.existingSecret: name the Secret that holds the licence file" -}}
{{- end -}}
{{- if and (eq $values.licence.type "file") (not $values.licence.file.mountPath) -}}
{{- $faults = append $faults "licence.file.mountPath: name the file that the SDK looks for" -}}
{{- end -}}
{{- if and $values.flower.enabled (not $values.flower.existingSecret) -}}
{{- $faults = append $faults "flower.existingSecret: name the Secret with user:password; without one whoever reaches Flower can cancel jobs" -}}
{{- end -}}
{{- if and $values.api.ingress.enabled (not $values.api.ingress.hosts) -}}
{{- $faults = append $faults "api.ingress.hosts: name one host at least" -}}
{{- end -}}
{{- if gt (int64 $values.api.autoscaling.min) (int64 $values.api.autoscaling.max) -}}
{{- $faults = append $faults "api.autoscaling.min: more than api.autoscaling.max" -}}
{{- end -}}
{{- range $name, $from := $values.secretSettings -}}
{{- if hasKey $values.settings $name -}}
{{- $faults = append $faults (printf "secretSettings.%s: stands in settings too" $name) -}}
{{- end -}}
{{- end -}}
{{- range $label, $value := $values.podLabels -}}
{{- if or (hasPrefix "app.kubernetes.io/" $label) (hasPrefix "pixyz-scheduler/" $label) -}}
{{- $faults = append $faults (printf "podLabels: %s is the chart's own" $label) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := merge (dict) $values.settings $values.api.env $values.workerDefaults.env -}}
{{- if hasSuffix "_HEADERS" $name -}}
{{- $faults = append $faults (printf "%s: it may hold a key, and is no value: name its Secret in secretSettings" $name) -}}
{{- end -}}
{{- end -}}
{{- if and $values.auth.metricsSha256Key (not $values.auth.metricsKey) $values.metrics.serviceMonitor.enabled -}}
{{- $faults = append $faults "auth.metricsKey: name the key of the Secret that Prometheus sends" -}}
{{- end -}}
{{- $served := $values.queuesServedElsewhere -}}
{{- range $name, $group := include "pixyz.groups" . | fromJson -}}
{{- $this := dict "root" $ "name" $name "group" $group -}}
{{- $at := printf "workers.%s" $name -}}
{{- $served = concat $served $group.queues -}}
{{- range $label, $value := $group.podLabels -}}
{{- if or (hasPrefix "app.kubernetes.io/" $label) (hasPrefix "pixyz-scheduler/" $label) -}}
{{- $faults = append $faults (printf "%s.podLabels: %s is the chart's own" $at $label) -}}
{{- end -}}
{{- end -}}
{{- range $setting, $value := $group.env -}}
{{- if and (hasSuffix "_HEADERS" $setting) (not (hasKey $values.workerDefaults.env $setting)) -}}
{{- $faults = append $faults (printf "%s.env.%s: it may hold a key, and is no value: name its Secret in secretSettings" $at $setting) -}}
{{- end -}}
{{- end -}}
{{- if and (eq $group.mode "job") (not $values.keda.enabled) -}}
{{- $faults = append $faults (printf "%s.mode: job needs keda.enabled=true" $at) -}}
{{- end -}}
{{- if and (eq $group.mode "job") (gt (int64 $group.slots) 1) -}}
{{- $faults = append $faults (printf "%s.slots: 1 where mode is job: such a pod ends after one" $at) -}}
{{- end -}}
{{- if gt (int64 $group.replicas.min) (int64 $group.replicas.max) -}}
{{- $faults = append $faults (printf "%s.replicas.min: more than replicas.max" $at) -}}
{{- end -}}
{{- if and $group.memoryGuard (lt (include "pixyz.memoryOfJob" $this | int64) 131072) -}}
{{- $faults = append $faults (printf "%s.resources.limits.memory: %s less memoryReserve %s leaves each of %d slots less than 128Mi" $at $group.resources.limits.memory $group.memoryReserve (int64 $group.slots)) -}}
{{- end -}}
{{- if and (lt (include "pixyz.drainTimeout" $this | int64) (include "pixyz.longest" $this | int64)) (not $group.mayHandBack) -}}
{{- $faults = append $faults (printf "%s.drainTimeout: %d s is less than a job may take here (%s s): raise it, leave it 0, or set mayHandBack" $at (int64 $group.drainTimeout) (include "pixyz.longest" $this)) -}}
{{- end -}}
{{- end -}}
{{- range list "cpu" "gpu" "gpuhigh" "control" "zip" "clean" -}}
{{- if not (has . $served) -}}
{{- $faults = append $faults (printf "workers: no group serves the queue %s, and its jobs would wait for ever; name it in a group, or in queuesServedElsewhere" .) -}}
{{- end -}}
{{- end -}}
{{- toJson $faults -}}
{{- end -}}

{{- define "pixyz.check" -}}
{{- with include "pixyz.faults" . | fromJsonArray -}}
{{- fail (printf "\n\nThese values cannot be installed:\n  - %s\n" (join "\n  - " .)) -}}
{{- end -}}
{{- end -}}
