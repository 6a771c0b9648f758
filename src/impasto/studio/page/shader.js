/** The picture's program for the graphics card: crossfade, photo's colors, light and grain, before and after. */

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
precision highp int;
in vec2 at;
out vec4 color;
uniform sampler2D photo, one, other;
uniform float mixing, split, exposure, contrast, saturation, grain;
uniform bool chroma, plain;
uniform vec2 size;
uniform uint seed;

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
/* A color that sRGB cannot show loses chroma and keeps lightness and hue. */
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
uint hash(uint value) {
  uint state = value * 747796405u + 2891336453u;
  uint word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
float cell(ivec2 place, ivec2 grid) {
  uvec2 p = uvec2(clamp(place, ivec2(0), grid - 1));
  uint h = hash(p.x + hash(p.y + hash(seed)));
  uint total = (h & 255u) + ((h >> 8u) & 255u) + ((h >> 16u) & 255u) + (h >> 24u);
  return 1.7320508 * (float(total) / 255.0 - 2.0);
}
/* The mean of the cells that lie under a pixel, or between the nearest four. */
float noise() {
  float share = 1024.0 / max(size.x, size.y);
  ivec2 grid = ivec2(max(vec2(1.0), round(size * share)));
  float reach = max(share, 1.0);
  vec2 place = at * vec2(grid);
  ivec2 first = ivec2(floor(place - reach / 2.0 - 0.5)), last = ivec2(ceil(place + reach / 2.0 - 0.5));
  float sum = 0.0, weights = 0.0;
  for (int y = first.y; y <= last.y; y++) for (int x = first.x; x <= last.x; x++) {
    vec2 near = max(vec2(0.0), reach - abs(vec2(x, y) + 0.5 - place));
    sum += near.x * near.y * cell(ivec2(x, y), grid);
    weights += near.x * near.y;
  }
  return sum / weights;
}
/* As pictures/adjustments.py. */
float contrasted(float lightness) {
  float b = 3.0 * abs(contrast) / 100.0, end = tanh(b / 2.0), l = clamp(lightness, 0.0, 1.0);
  if (contrast > 0.0) return 0.5 + tanh(b * (l - 0.5)) / (2.0 * end);
  return contrast < 0.0 ? 0.5 + atanh(clamp(end * (2.0 * l - 1.0), -0.99999, 0.99999)) / b : lightness;
}

void main() {
  vec3 before = texture(photo, at).rgb;
  if (plain || at.x < split) { color = vec4(before, 1.0); return; }
  vec3 c = mix(texture(one, at).rgb, texture(other, at).rgb, mixing);
  bool finish = exposure != 0.0 || contrast != 0.0 || saturation != 0.0 || grain != 0.0;
  if (chroma || finish) {
    vec3 lab = oklab(linear(c));
    if (chroma) lab.yz = oklab(linear(before)).yz;
    lab *= exp2(exposure / 3.0);
    lab.x = contrasted(lab.x);
    lab.yz *= 1.0 + saturation / 100.0;
    if (grain > 0.0) {
      float l = clamp(lab.x, 0.0, 1.0);
      lab.x = l + 0.1 * grain / 100.0 * 2.0 * sqrt(l * (1.0 - l)) * noise();
    }
    c = encoded(clamp(within(lab), 0.0, 1.0));
  }
  color = vec4(c, 1.0);
}`;
