/** No site file was named, and the one that is taken then is not there. */
export function noSiteFile(file: string): string {
  return `error[B128] there is no ${file}, and no other site file was named\n   = name it behind the command (\`barri status school.gateway.yaml\`, \`barri set valve.open on school.gateway.yaml --for 30s\`)\n   = or in the environment: export BARRI_CONFIG=school.gateway.yaml\n`;
}
