/** The picture's program for the graphics card: crossfade, photo's colours, light and grain, before and after. */

export const VERTEX = `#version 300 es
in vec2 corner;
out vec2 at;
void main() {
  at = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

/* Oklab after Ottosson (2020), as in pictures/oklab.py. */
export const FRAGMENT = `#version 300 es
precision highp float;
in vec2 at;
out vec4 color;
uniform sampler2D photo, one, other;
uniform float mixing, split, exposure, contrast, saturation, grain;
uniform bool chroma, plain;
uniform vec2 size;

vec3 linear(vec3 c) {
  return mix(c / 12.92, pow((max(c, 0.0) + 0.055) / 1.055, vec3(2.4)), step(0.04045, c));
}
vec3 encoded(vec3 c) {
  return mix(c * 12.92, 1.055 * pow(max(c, 0.0), vec3(1.0 / 2.4)) - 0.055, step(0.0031308, c));
}
vec3 oklab(vec3 c) {
  vec3 lms = mat3(0.4122214708, 0.2119034982, 0.0883024619, 0.5363325363, 0.6806995451, 0.2817188376,
    0.0514459929, 0.1073969566, 0.6299787005) * c;
  lms = sign(lms) * pow(abs(lms), vec3(1.0 / 3.0));
  return mat3(0.2104542553, 1.9779984951, 0.0259040371, 0.7936177850, -2.4285922050, 0.7827717662,
    -0.0040720468, 0.4505937099, -0.8086757660) * lms;
}
vec3 fromOklab(vec3 lab) {
  vec3 lms = mat3(1.0, 1.0, 1.0, 0.3963377774, -0.1055613458, -0.0894841775,
    0.2158037573, -0.0638541728, -1.2914855480) * lab;
  return mat3(4.0767416621, -1.2684380046, -0.0041960863, -3.3077115913, 2.6097574011, -0.7034186147,
    0.2309699292, -0.3413193965, 1.7076147010) * (lms * lms * lms);
}
bool shown(vec3 c) {
  return all(greaterThanEqual(c, vec3(-0.0005))) && all(lessThanEqual(c, vec3(1.0005)));
}
/* A colour that sRGB cannot show loses chroma and keeps lightness and hue. */
vec3 within(vec3 lab) {
  lab.x = clamp(lab.x, 0.0, 1.0);
  vec3 c = fromOklab(lab);
  if (shown(c)) return c;
  float low = 0.0, high = 1.0;
  for (int i = 0; i < 8; i++) {
    float middle = (low + high) / 2.0;
    if (shown(fromOklab(vec3(lab.x, lab.yz * middle)))) low = middle; else high = middle;
  }
  return fromOklab(vec3(lab.x, lab.yz * low));
}
float hash(vec2 p) {
  uvec2 q = uvec2(ivec2(floor(p))) * uvec2(1597334673u, 3812015801u);
  uint n = (q.x ^ q.y) * 1597334673u;
  n = (n ^ (n >> 15)) * 2246822519u;
  return float(n ^ (n >> 13)) / 4294967295.0;
}
float noise(vec2 p) {
  return (hash(p) + hash(p + 17.0) + hash(p + 59.0) + hash(p + 131.0) - 2.0) * 1.7320508;
}

void main() {
  vec3 before = texture(photo, at).rgb;
  if (plain || at.x < split) { color = vec4(before, 1.0); return; }
  vec3 c = mix(texture(one, at).rgb, texture(other, at).rgb, mixing);
  bool finish = exposure != 0.0 || contrast != 0.0 || saturation != 0.0 || grain != 0.0;
  if (chroma || finish) {
    vec3 lab = oklab(linear(c) * exp2(exposure));
    if (chroma) lab.yz = oklab(linear(before)).yz;
    lab.x = 0.5645 + (lab.x - 0.5645) * (1.0 + contrast / 100.0);
    lab.yz *= 1.0 + saturation / 100.0;
    lab.x += grain / 100.0 * 0.08 * noise(at * size * (1000.0 / max(size.x, size.y)));
    c = encoded(clamp(within(lab), 0.0, 1.0));
  }
  color = vec4(c, 1.0);
}`;
