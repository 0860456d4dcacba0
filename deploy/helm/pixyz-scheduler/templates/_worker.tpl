{{/* The pod of a worker group: (dict "root" $ "name" "cpu" "group" {...}). */}}

{{- define "pixyz.worker.env" -}}
{{- $group := .group -}}
{{- include "pixyz.env.common" (dict "root" .root "env" $group.env "home" "/work") }}
- name: QUEUE_NAME
  value: {{ join "," $group.queues | quote }}
- name: POOL_TYPE
  value: {{ ternary "pool" "solo" (gt (int64 $group.slots) 1) }}
- name: CONCURRENT_TASKS
  value: {{ int64 $group.slots | quote }}
- name: MAX_TASKS_BEFORE_SHUTDOWN
  value: {{ ternary 1 (int64 $group.maxTasks) (eq $group.mode "job") | quote }}
{{- if eq $group.mode "job" }}
- name: IDLE_TIMEOUT
  value: {{ int64 $group.scaling.idleTimeout | quote }}
{{- end }}
- name: PIXYZ_TIME_LIMIT
  value: {{ include "pixyz.timeLimit" . | quote }}
- name: PIXYZ_RETRY_TIME_LIMIT
  value: {{ include "pixyz.retryTimeLimit" . | quote }}
- name: DRAIN_TIMEOUT
  value: {{ include "pixyz.drainTimeout" . | quote }}
{{- if $group.memoryGuard }}
- name: MAX_MEMORY_USAGE
  value: {{ include "pixyz.memoryOfJob" . | quote }}
- name: MAX_MEMORY_USAGE_GPUHIGH
  value: {{ include "pixyz.memoryOfJob" . | quote }}
{{- end }}
- name: METRICS_PORT
  value: {{ int64 .root.Values.metrics.port | quote }}
{{- if eq $group.engine "none" }}
- name: DISABLE_PIXYZ
  value: "true"
{{- else }}
- name: ENGINE
  value: {{ $group.engine }}
{{- end }}
{{ include "pixyz.worker.licence" . }}
{{- end -}}

{{- define "pixyz.worker.licence" -}}
{{- $licence := .root.Values.licence -}}
{{- if and (eq .group.image "worker-pixyz") (eq $licence.type "flexlm") -}}
- name: LICENSE_FLEXLM
  value: "true"
- name: LICENSE_HOST
  value: {{ $licence.flexlm.host | quote }}
- name: LICENSE_PORT
  value: {{ int64 $licence.flexlm.port | quote }}
- name: LICENSE_ACQUIRE_AT_START
  value: {{ $licence.flexlm.acquireAtStart | quote }}
{{- else -}}
- name: LICENSE_FLEXLM
  value: "false"
{{- end }}
- name: LICENSE_TOKENS
  value: {{ int64 $licence.tokens | quote }}
{{- end -}}

{{- define "pixyz.worker.pod" -}}
{{- $root := .root -}}
{{- $group := .group -}}
{{- $file := and (eq $group.image "worker-pixyz") (eq $root.Values.licence.type "file") -}}
metadata:
  labels:
    {{- include "pixyz.podLabels" (dict "root" $root "part" (printf "worker-%s" .name) "labels" $group.podLabels) | nindent 4 }}
    pixyz-scheduler/role: worker
  {{- $kept := dict "cluster-autoscaler.kubernetes.io/safe-to-evict" "false" "karpenter.sh/do-not-disrupt" "true" }}
  {{- with merge (dict) $group.podAnnotations $root.Values.podAnnotations (ternary (dict) $kept $group.evictable) }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "pixyz.pod" (dict "root" $root) | nindent 2 }}
  # More than DRAIN_TIMEOUT: who drains is never killed. No preStop: SIGTERM begins the drain, a second one would end it.
  terminationGracePeriodSeconds: {{ add (include "pixyz.drainTimeout" . | int64) 30 }}
  {{- if eq $group.mode "job" }}
  restartPolicy: Never
  {{- end }}
  {{- with $group.gpu.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- with $group.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with include "pixyz.nodeSelector" . | fromJson }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "pixyz.tolerations" . | fromJsonArray }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $group.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $group.topologySpread }}
  {{- include "pixyz.spread" (dict "root" $root "part" (printf "worker-%s" .name)) | nindent 2 }}
  {{- end }}
  containers:
    - name: worker
      image: {{ include "pixyz.image" (dict "root" $root "target" $group.image) | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      {{- if and (eq $group.mode "object") $group.maxTasks }}
      # Its own watchdog: after maxTasks jobs Kubernetes would wait up to five minutes to start it again.
      args: [worker]
      {{- else }}
      args: [worker, --no-watchdog]
      {{- end }}
      env:
        {{- include "pixyz.worker.env" . | trim | nindent 8 }}
      ports:
        - {name: metrics, containerPort: {{ int64 $root.Values.metrics.port }}}
      startupProbe:
        httpGet: {path: /health/live, port: metrics}
        periodSeconds: 5
        failureThreshold: 60
      # Slow to give up: a worker under load is none to be killed. Whoever is hung does not drain.
      livenessProbe:
        httpGet: {path: /health/live, port: metrics}
        periodSeconds: 30
        timeoutSeconds: 10
        failureThreshold: 6
        terminationGracePeriodSeconds: 30
      readinessProbe:
        httpGet: {path: /health/ready, port: metrics}
        periodSeconds: 15
        timeoutSeconds: 5
      resources:
        {{- $limits := deepCopy $group.resources.limits }}
        {{- if $group.gpu.count }}{{- $_ := set $limits $group.gpu.resource (int64 $group.gpu.count | toString) }}{{- end }}
        requests:
          {{- toYaml $group.resources.requests | nindent 10 }}
        limits:
          {{- toYaml $limits | nindent 10 }}
      securityContext:
        {{- include "pixyz.containerSecurity" . | nindent 8 }}
      volumeMounts:
        {{- include "pixyz.mounts" $root | nindent 8 }}
        # Where the folders of jobs at work are.
        - {name: work, mountPath: /work}
        {{- if $file }}
        - name: licence
          mountPath: {{ $root.Values.licence.file.mountPath }}
          subPath: {{ base $root.Values.licence.file.mountPath }}
          readOnly: true
        {{- end }}
  volumes:
    {{- include "pixyz.volumes" $root | nindent 4 }}
    - name: work
      {{- if $group.work.sizeLimit }}
      emptyDir: {sizeLimit: {{ $group.work.sizeLimit }}}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- if $file }}
    - name: licence
      secret:
        secretName: {{ $root.Values.licence.file.existingSecret }}
        defaultMode: 0440
        items:
          - {key: {{ $root.Values.licence.file.key }}, path: {{ base $root.Values.licence.file.mountPath }}}
    {{- end }}
{{- end -}}
